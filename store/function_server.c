/*
 * What clients ask the server about itself: constants.
 */
#include <string.h>

#include "function.h"

static const struct {
	const char *name, *value;
} texts[] = {{"version", "26.7.2.1"}, {"timezone", "UTC"},  {"serverTimezone", "UTC"},
	     {"displayName", "drum"}, {"hostName", "drum"}, {"currentDatabase", "default"},
	     {"database", "default"}, {"user", "default"},  {"currentUser", "default"}};

static bool
infer_text(const struct expression *call, struct type *out)
{
	(void)call;
	out->type = STORE_R_STRING;
	return true;
}

static int
evaluate_text(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	const char *value = "";

	(void)evaluation;
	(void)args;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (strcmp(texts[i].name, call->function->name) == 0)
			value = texts[i].value;
	}
	for (uint32_t i = 0; i < out->count; i++)
		out->s[i] = (struct store_str){value, (uint32_t)strlen(value)};
	return 0;
}

#define REVISION 54485 /* of ClickHouse's native protocol */

static bool
infer_revision(const struct expression *call, struct type *out)
{
	(void)call;
	out->type = STORE_R_UINT32;
	return true;
}

static int
evaluate_revision(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)call;
	(void)args;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.u[i] = REVISION;
	return 0;
}

#define TEXT(name, any_case)                                           \
	{                                                              \
		name, any_case, 0, 0, false, infer_text, evaluate_text \
	}

const struct function function_server_table[] = {
    TEXT("version", true),
    TEXT("timezone", true),
    TEXT("serverTimezone", false),
    TEXT("displayName", false),
    TEXT("hostName", false),
    TEXT("currentDatabase", false),
    TEXT("database", true),
    TEXT("user", true),
    TEXT("currentUser", false),
    {"revision", true, 0, 0, false, infer_revision, evaluate_revision},
    {NULL, false, 0, 0, false, NULL, NULL},
};
