/*
 * config_file.h over libyaml, whose tree knows the lines that libcyaml forgets.
 * Between the file and libcyaml; must not know any key of the configuration.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "config_file.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define PATH_BYTES 256
#define KEY_BYTES_MAX 32u /* of those that are compared with a misspelt one */

struct config_file {
	char *path;     /* owned */
	uint8_t *bytes; /* owned: [size] */
	size_t size;
	yaml_document_t document; /* owned when has_document */
	bool has_document;
};

void
config_file_tell(const char *path, unsigned line, char error[CONFIG_ERROR_BYTES],
		 const char *format, ...)
{
	char place[32] = "", text[320];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *c = text; *c != '\0'; c++)
		*c = *c < ' ' && *c >= 0 ? '?' : *c; /* one line, whatever the file has */
	if (line > 0)
		snprintf(place, sizeof place, " line %u", line);
	snprintf(error, CONFIG_ERROR_BYTES, "%.150s%s: %s", path, place, text);
}

/* ---- reading --------------------------------------------------------- */

static bool
read_bytes(struct config_file *file, char error[CONFIG_ERROR_BYTES])
{
	FILE *in = fopen(file->path, "re");

	if (in == NULL) {
		config_file_tell(file->path, 0, error, "%s", strerror(errno));
		return false;
	}
	file->bytes = malloc(FILE_BYTES_MAX + 1);
	errno = file->bytes == NULL ? ENOMEM : 0;
	if (file->bytes != NULL)
		file->size = fread(file->bytes, 1, FILE_BYTES_MAX + 1, in);
	if (file->bytes == NULL || ferror(in)) {
		config_file_tell(file->path, 0, error, "%s", strerror(errno));
		fclose(in);
		return false;
	}
	fclose(in);
	if (file->size > FILE_BYTES_MAX) {
		config_file_tell(file->path, 0, error, "longer than 1 MiB: is it a configuration?");
		return false;
	}
	return true;
}

static unsigned
line_at(const struct config_file *file, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && i < file->size; i++)
		line += file->bytes[i] == '\n';
	return line;
}

/* Whether the line, from 1, is indented with a tab. */
static bool
has_tab(const struct config_file *file, unsigned line)
{
	size_t at = 0;

	for (unsigned n = 1; n < line && at < file->size; at++)
		n += file->bytes[at] == '\n';
	while (at < file->size && (file->bytes[at] == ' ' || file->bytes[at] == '-'))
		at++;
	return at < file->size && file->bytes[at] == '\t';
}

static void
tell_syntax(const struct config_file *file, const yaml_parser_t *parser,
	    char error[CONFIG_ERROR_BYTES])
{
	const char *problem = parser->problem == NULL ? "out of memory" : parser->problem;
	unsigned line = (unsigned)parser->problem_mark.line + 1;

	if (parser->error == YAML_READER_ERROR) {
		config_file_tell(file->path, line_at(file, parser->problem_offset), error,
				 "this is no UTF-8 text: %s", problem);
		return;
	}
	/* "while scanning a quoted scalar": where it began says more than its end. */
	if (parser->context != NULL && parser->context_mark.line + 1 < line &&
	    strstr(problem, "unexpected end") != NULL)
		line = (unsigned)parser->context_mark.line + 1;
	config_file_tell(file->path, line, error, "this is no YAML: %s%s", problem,
			 has_tab(file, line) ? " (a tab: YAML is indented with spaces)" : "");
}

/* One document; none is as good as an empty one. */
static bool
parse(struct config_file *file, char error[CONFIG_ERROR_BYTES])
{
	yaml_parser_t parser;
	yaml_document_t further;
	bool good = false;

	if (!yaml_parser_initialize(&parser)) {
		config_file_tell(file->path, 0, error, "out of memory");
		return false;
	}
	yaml_parser_set_input_string(&parser, file->bytes, file->size);
	if (!yaml_parser_load(&parser, &file->document)) {
		tell_syntax(file, &parser, error);
	} else if (file->has_document = true, !yaml_parser_load(&parser, &further)) {
		tell_syntax(file, &parser, error);
	} else {
		const yaml_node_t *root = yaml_document_get_root_node(&further);

		good = root == NULL;
		if (!good)
			config_file_tell(file->path, (unsigned)further.start_mark.line + 1, error,
					 "a second document begins: only one is read");
		yaml_document_delete(&further);
	}
	yaml_parser_delete(&parser);
	return good;
}

struct config_file *
config_file_open(const char *path, char error[CONFIG_ERROR_BYTES])
{
	struct config_file *file = calloc(1, sizeof *file);

	if (file == NULL || (file->path = strdup(path)) == NULL) {
		config_file_tell(path, 0, error, "out of memory");
		free(file);
		return NULL;
	}
	if (!read_bytes(file, error) || !parse(file, error)) {
		config_file_close(file);
		return NULL;
	}
	return file;
}

void
config_file_close(struct config_file *file)
{
	if (file == NULL)
		return;
	if (file->has_document)
		yaml_document_delete(&file->document);
	free(file->bytes);
	free(file->path);
	free(file);
}

const uint8_t *
config_file_bytes(const struct config_file *file, size_t *size)
{
	*size = file->size;
	return file->bytes;
}

/* ---- the tree -------------------------------------------------------- */

/* libyaml's functions on a document take it without const. */
static yaml_node_t *
node_of(const struct config_file *file, int id)
{
	return yaml_document_get_node((yaml_document_t *)(uintptr_t)&file->document, id);
}

static yaml_node_t *
root_of(const struct config_file *file)
{
	return yaml_document_get_root_node((yaml_document_t *)(uintptr_t)&file->document);
}

static unsigned
line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

/* "" when it is no scalar. */
static const char *
text_of(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static yaml_node_t *
member(const struct config_file *file, const yaml_node_t *mapping, const char *key)
{
	if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		if (strcmp(text_of(node_of(file, pair->key)), key) == 0)
			return node_of(file, pair->value);
	}
	return NULL;
}

unsigned
config_file_line(const struct config_file *file, const char *list, uint32_t index, const char *key)
{
	yaml_node_t *node;

	if (file == NULL)
		return 0;
	node = root_of(file);
	if (list != NULL) {
		node = member(file, node, list);
		if (node == NULL || node->type != YAML_SEQUENCE_NODE ||
		    index >= node->data.sequence.items.top - node->data.sequence.items.start)
			return 0;
		node = node_of(file, node->data.sequence.items.start[index]);
	}
	if (key != NULL)
		node = member(file, node, key);
	return node == NULL ? 0 : line_of(node);
}

/* ---- the schema ------------------------------------------------------ */

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
	snprintf(buffer, 80, "'%.60s%s'", text_of(node),
		 node->data.scalar.length > 60 ? "..." : "");
	return buffer;
}

static bool
expected(struct checking *checking, const yaml_node_t *node, const char *path, const char *what)
{
	char buffer[80];

	config_file_tell(checking->file->path, line_of(node), checking->error,
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
	const char *key = text_of(node), *nearest = NULL;
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
	config_file_tell(checking->file->path, line_of(node), checking->error,
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
	const char *key = text_of(node_of(checking->file, pair->key));

	for (yaml_node_pair_t *before = mapping->data.mapping.pairs.start; before < pair;
	     before++) {
		if (strcmp(text_of(node_of(checking->file, before->key)), key) == 0)
			return true;
	}
	return false;
}

static bool
check_pair(struct checking *checking, const cyaml_schema_field_t *fields,
	   const yaml_node_t *mapping, const yaml_node_pair_t *pair, const char *path)
{
	const yaml_node_t *key = node_of(checking->file, pair->key);
	const cyaml_schema_field_t *field = fields;
	char below[PATH_BYTES];

	while (field->key != NULL && strcmp(field->key, text_of(key)) != 0)
		field++;
	if (field->key == NULL)
		return unknown_key(checking, fields, key, path);
	snprintf(below, sizeof below, "%.180s%s%.60s", path, path[0] != '\0' ? "." : "",
		 field->key);
	if (is_repeated(checking, mapping, pair)) {
		config_file_tell(checking->file->path, line_of(key), checking->error,
				 "%s: this key is there already, above", below);
		return false;
	}
	return check_value(checking, &field->value, node_of(checking->file, pair->value), below);
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
		    member(checking->file, node, field->key) != NULL)
			continue;
		config_file_tell(checking->file->path, line_of(node), checking->error,
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
		    node_of(checking->file, node->data.sequence.items.start[i]);

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
	const char *text = text_of(node);
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
	    strlen(text_of(node)) == node->data.scalar.length)
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

		if (strcmp(schema->enumeration.strings[i].str, text_of(node)) == 0)
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
		if (!check_word(checking, schema, node_of(checking->file, *item), path))
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
	const yaml_node_t *root = root_of(file);

	return root == NULL || check_value(&checking, schema, root, "");
}
