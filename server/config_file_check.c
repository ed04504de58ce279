/*
 * config_file.h: whether the file's tree fits a schema of libcyaml's, told in
 * words that a reader of the file knows. Behind config_file.c, before libcyaml
 * has a look. Must not let anything pass that libcyaml would take for another
 * value.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file_inside.h"

#define PATH_BYTES 256
#define KEY_BYTES_MAX 32u /* of those that are compared with a misspelt one */

struct checking {
	const struct config_file *file;
	char *error;
};

static bool check_value(struct checking *checking, const cyaml_schema_value_t *schema,
			const yaml_node_t *node, const char *path);

/* What the file has there, as a reader would call it. */
static const char *
found(const yaml_node_t *node, char buffer[80])
{
	if (node->type == YAML_MAPPING_NODE)
		return "keys with values";
	if (node->type == YAML_SEQUENCE_NODE) {
		snprintf(buffer, 80, "a list of %d",
			 (int)(node->data.sequence.items.top - node->data.sequence.items.start));
		return buffer;
	}
	if (node->data.scalar.length == 0)
		return "nothing";
	snprintf(buffer, 80, "'%.60s%s'", config_file_text(node),
		 node->data.scalar.length > 60 ? "..." : "");
	return buffer;
}

static bool
expected(struct checking *checking, const yaml_node_t *node, const char *path, const char *what)
{
	char buffer[80];

	config_file_tell(checking->file->path, config_file_line_of(node), checking->error,
			 "%s: expected %s, got %s", path, what, found(node, buffer));
	return false;
}

/* Steps from one word to the other, each a letter more, less or another. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[KEY_BYTES_MAX + 1];
	size_t width = strlen(b);

	if (width > KEY_BYTES_MAX)
		return KEY_BYTES_MAX;
	for (unsigned j = 0; j <= width; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			row[j] = row[j] < replaced ? row[j] : replaced;
		}
	}
	return row[width];
}

static bool
unknown_key(struct checking *checking, const cyaml_schema_field_t *fields, const yaml_node_t *node,
	    const char *path)
{
	const char *key = config_file_text(node), *nearest = NULL;
	unsigned steps_min = strlen(key) < 5 ? 2 : 3;
	char known[200] = "";

	for (size_t at = 0; fields->key != NULL; fields++) {
		unsigned steps = distance(fields->key, key);
		int written = snprintf(known + at, sizeof known - at, "%s%s", at > 0 ? ", " : "",
				       fields->key);

		if (steps < steps_min) {
			steps_min = steps;
			nearest = fields->key;
		}
		at = at + (size_t)written < sizeof known ? at + (size_t)written : sizeof known - 1;
	}
	config_file_tell(checking->file->path, config_file_line_of(node), checking->error,
			 "unknown key %.64s%s%s%s%s", key, path[0] != '\0' ? " in " : "", path,
			 nearest != NULL ? ", maybe you meant: " : "; known are ",
			 nearest != NULL ? nearest : known);
	return false;
}

/* The key is in the mapping before this pair. */
static bool
is_repeated(const struct checking *checking, const yaml_node_t *mapping,
	    const yaml_node_pair_t *pair)
{
	const char *key = config_file_text(config_file_node(checking->file, pair->key));

	for (yaml_node_pair_t *before = mapping->data.mapping.pairs.start; before < pair;
	     before++) {
		if (strcmp(config_file_text(config_file_node(checking->file, before->key)), key) ==
		    0)
			return true;
	}
	return false;
}

static bool
check_pair(struct checking *checking, const cyaml_schema_field_t *fields,
	   const yaml_node_t *mapping, const yaml_node_pair_t *pair, const char *path)
{
	const yaml_node_t *key = config_file_node(checking->file, pair->key);
	const cyaml_schema_field_t *field = fields;
	char below[PATH_BYTES];

	while (field->key != NULL && strcmp(field->key, config_file_text(key)) != 0)
		field++;
	if (field->key == NULL)
		return unknown_key(checking, fields, key, path);
	snprintf(below, sizeof below, "%.180s%s%.60s", path, path[0] != '\0' ? "." : "",
		 field->key);
	if (is_repeated(checking, mapping, pair)) {
		config_file_tell(checking->file->path, config_file_line_of(key), checking->error,
				 "%s: this key is there already, above", below);
		return false;
	}
	return check_value(checking, &field->value, config_file_node(checking->file, pair->value),
			   below);
}

static bool
check_mapping(struct checking *checking, const cyaml_schema_value_t *schema,
	      const yaml_node_t *node, const char *path)
{
	if (node->type != YAML_MAPPING_NODE)
		return expected(checking, node, path[0] == '\0' ? "the configuration" : path,
				"keys with values");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		if (!check_pair(checking, schema->mapping.fields, node, pair, path))
			return false;
	}
	for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key != NULL;
	     field++) {
		if ((field->value.flags & CYAML_FLAG_OPTIONAL) ||
		    config_file_member(checking->file, node, field->key) != NULL)
			continue;
		config_file_tell(checking->file->path, config_file_line_of(node), checking->error,
				 "%s.%s is missing", path, field->key);
		return false;
	}
	return true;
}

static bool
check_sequence(struct checking *checking, const cyaml_schema_value_t *schema,
	       const yaml_node_t *node, const char *path)
{
	char what[80], below[PATH_BYTES];
	uint32_t count = 0;

	if (node->type == YAML_SEQUENCE_NODE)
		count = (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (node->type != YAML_SEQUENCE_NODE || count < schema->sequence.min ||
	    count > schema->sequence.max) {
		snprintf(what, sizeof what, "a list of %u to %u entries", schema->sequence.min,
			 schema->sequence.max);
		return expected(checking, node, path,
				node->type == YAML_SEQUENCE_NODE ? what : "a list: [a, b]");
	}
	for (uint32_t i = 0; i < count; i++) {
		const yaml_node_t *entry =
		    config_file_node(checking->file, node->data.sequence.items.start[i]);

		snprintf(below, sizeof below, "%.200s[%u]", path, i);
		if (!check_value(checking, schema->sequence.entry, entry, below))
			return false;
	}
	return true;
}

static bool
check_number(struct checking *checking, const cyaml_schema_value_t *schema, const yaml_node_t *node,
	     const char *path)
{
	uint64_t max =
	    schema->data_size >= 8 ? UINT64_MAX : ((uint64_t)1 << (schema->data_size * 8)) - 1;
	const char *text = config_file_text(node);
	char what[80], *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* libcyaml would take 010 for 8. */
	if (text[0] >= '0' && text[0] <= '9' && (text[0] != '0' || text[1] == '\0') &&
	    *end == '\0' && errno == 0 && value <= max)
		return true;
	snprintf(what, sizeof what, "a whole number from 0 to %llu", (unsigned long long)max);
	return expected(checking, node, path, what);
}

static bool
check_string(struct checking *checking, const cyaml_schema_value_t *schema, const yaml_node_t *node,
	     const char *path)
{
	char what[80];

	if (node->type == YAML_SCALAR_NODE && node->data.scalar.length >= schema->string.min &&
	    node->data.scalar.length <= schema->string.max &&
	    strlen(config_file_text(node)) == node->data.scalar.length)
		return true;
	snprintf(what, sizeof what, "text of %u to %u bytes", schema->string.min,
		 schema->string.max);
	return expected(checking, node, path, what);
}

static bool
check_word(struct checking *checking, const cyaml_schema_value_t *schema, const yaml_node_t *node,
	   const char *path)
{
	char what[200] = "one of ";

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		size_t at = strlen(what);

		if (strcmp(schema->enumeration.strings[i].str, config_file_text(node)) == 0)
			return true;
		snprintf(what + at, sizeof what - at, "%s%s", i > 0 ? ", " : "",
			 schema->enumeration.strings[i].str);
	}
	return expected(checking, node, path, what);
}

static bool
check_words(struct checking *checking, const cyaml_schema_value_t *schema, const yaml_node_t *node,
	    const char *path)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return expected(checking, node, path, "a list: [a, b]");
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		if (!check_word(checking, schema, config_file_node(checking->file, *item), path))
			return false;
	}
	return true;
}

/* What is of another type is libcyaml's to check. */
static bool
check_value(struct checking *checking, const cyaml_schema_value_t *schema, const yaml_node_t *node,
	    const char *path)
{
	switch (schema->type) {
	case CYAML_MAPPING:
		return check_mapping(checking, schema, node, path);
	case CYAML_SEQUENCE:
		return check_sequence(checking, schema, node, path);
	case CYAML_UINT:
		return check_number(checking, schema, node, path);
	case CYAML_STRING:
		return check_string(checking, schema, node, path);
	case CYAML_ENUM:
		return check_word(checking, schema, node, path);
	case CYAML_FLAGS:
		return check_words(checking, schema, node, path);
	default:
		return true;
	}
}

bool
config_file_check(const struct config_file *file, const cyaml_schema_value_t *schema,
		  char error[CONFIG_ERROR_BYTES])
{
	struct checking checking = {file, error};
	const yaml_node_t *root = config_file_root(file);

	return root == NULL || check_value(&checking, schema, root, "");
}
