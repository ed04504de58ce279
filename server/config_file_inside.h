/* What config_file*.c share: libyaml's tree. Nothing else includes this. */
#ifndef CONFIG_FILE_INSIDE_H
#define CONFIG_FILE_INSIDE_H

#include <yaml.h>

#include "config_file.h"

struct config_file {
	char *path;     /* owned */
	uint8_t *bytes; /* owned: [size] */
	size_t size;
	yaml_document_t document; /* owned when has_document */
	bool has_document;
};

/* NULL: there is none. */
yaml_node_t *config_file_node(const struct config_file *file, int id);
yaml_node_t *config_file_root(const struct config_file *file);
/* The value of a mapping's key; `mapping` may be NULL, or of another kind. */
yaml_node_t *
config_file_member(const struct config_file *file, const yaml_node_t *mapping, const char *key);
unsigned config_file_line_of(const yaml_node_t *node);
/* "" when it is no scalar. */
const char *config_file_text(const yaml_node_t *node);

#endif
