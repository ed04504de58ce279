/* The schema of the configuration file, for libcyaml and config_file_check: of a struct
 * config. */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

#include "config.h"

extern const cyaml_schema_value_t config_schema;

#endif
