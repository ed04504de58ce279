/* Whether a file that fits the schema makes sense. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config.h"
#include "config_file.h"

/* Also parses trusted_proxies into config->proxies. False: *error says what is expected,
 * where. */
bool config_check(struct config *config, const char *path, const struct config_file *file,
		  char error[CONFIG_ERROR_BYTES]);

#endif
