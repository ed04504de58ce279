/*
 * config_file.h over libyaml, whose tree knows the lines that libcyaml forgets:
 * reading, and finding a value. Between the file and libcyaml; must not know any
 * key of the configuration.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file_inside.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

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
yaml_node_t *
config_file_node(const struct config_file *file, int id)
{
	return yaml_document_get_node((yaml_document_t *)(uintptr_t)&file->document, id);
}

yaml_node_t *
config_file_root(const struct config_file *file)
{
	return yaml_document_get_root_node((yaml_document_t *)(uintptr_t)&file->document);
}

unsigned
config_file_line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

const char *
config_file_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

yaml_node_t *
config_file_member(const struct config_file *file, const yaml_node_t *mapping, const char *key)
{
	if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		if (strcmp(config_file_text(config_file_node(file, pair->key)), key) == 0)
			return config_file_node(file, pair->value);
	}
	return NULL;
}

unsigned
config_file_line(const struct config_file *file, const char *list, uint32_t index, const char *key)
{
	yaml_node_t *node;

	if (file == NULL)
		return 0;
	node = config_file_root(file);
	if (list != NULL) {
		node = config_file_member(file, node, list);
		if (node == NULL)
			return 0;
	}
	if (node != NULL && node->type == YAML_SEQUENCE_NODE) {
		if (index >= node->data.sequence.items.top - node->data.sequence.items.start)
			return 0;
		node = config_file_node(file, node->data.sequence.items.start[index]);
	}
	if (key != NULL)
		node = config_file_member(file, node, key);
	return node == NULL ? 0 : config_file_line_of(node);
}
