/*
 * Functions with regular expressions. The pattern is a constant, compiled once
 * a block; pattern.h bounds the time.
 */
#include <string.h>

#include "function.h"
#include "pattern.h"

static bool
infer_pattern(const struct expression *call, struct type *out)
{
	out->type = call->function->name[0] == 'm' ? STORE_R_UINT8 : STORE_R_STRING;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (call->args[i]->type.type != STORE_R_STRING)
			return false;
	}
	return call->args[1]->kind == EXPRESSION_CONSTANT;
}

static int
prepare(struct evaluation *evaluation, const struct data *pattern, struct pattern **compiled,
	struct pattern_machine **machine)
{
	struct store_str text = data_string(pattern, 0);
	const char *why;
	int result = pattern_compile(text, evaluation->arena, compiled, &why);

	if (result == STORE_EINVAL) {
		if (evaluation->error != NULL) {
			evaluation->error->clickhouse = 427;
			evaluation->error->name = "CANNOT_COMPILE_REGEXP";
		}
		return store_error_set(evaluation->error, STORE_ETYPE,
				       "Cannot compile the regular expression %.*s: %s",
				       EXPRESSION_SHOWN(text), why);
	}
	if (result != 0 || (*machine = pattern_machine_create(*compiled, evaluation->watch,
							      evaluation->arena)) == NULL)
		return expression_no_memory(evaluation->error);
	return 0;
}

static int
evaluate_match(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	struct pattern_machine *machine;
	struct pattern *pattern;
	int result = prepare(evaluation, &args[1], &pattern, &machine);

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++)
		out->n.u[i] = pattern_find(machine, data_string(&args[0], i), 0, NULL);
	return result != 0 ? result : watch_check(evaluation->watch, evaluation->error);
}

/* The first group, or the whole match when there is none. */
static int
evaluate_extract(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	struct pattern_machine *machine;
	struct pattern *pattern;
	int result = prepare(evaluation, &args[1], &pattern, &machine);

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		struct pattern_span spans[PATTERN_GROUPS_MAX];

		out->s[i] = (struct store_str){NULL, 0};
		if (pattern_find(machine, text, 0, spans)) {
			struct pattern_span span = spans[pattern_groups_count(pattern) > 0];

			if (span.from < span.to)
				out->s[i] =
				    (struct store_str){text.bytes + span.from, span.to - span.from};
		}
	}
	return result != 0 ? result : watch_check(evaluation->watch, evaluation->error);
}

/* ---- replacing ------------------------------------------------------- */

struct builder {
	struct store_arena *arena;
	char *bytes;
	uint32_t size, max;
};

static bool
put(struct builder *builder, struct store_str text, uint32_t from, uint32_t to)
{
	uint32_t size = to > from ? to - from : 0, max = builder->max == 0 ? 64 : builder->max;
	char *grown;

	if (size > UINT32_MAX / 4 - builder->size)
		return false;
	if (builder->size + size > builder->max) {
		while (max < builder->size + size)
			max *= 2;
		if ((grown = store_arena_alloc(builder->arena, max)) == NULL)
			return false;
		if (builder->size > 0)
			memcpy(grown, builder->bytes, builder->size);
		builder->bytes = grown;
		builder->max = max;
	}
	if (size > 0)
		memcpy(builder->bytes + builder->size, text.bytes + from, size);
	builder->size += size;
	return true;
}

/* The replacement with \0 .. \9 as what the groups matched. */
static bool
put_replacement(struct builder *builder, struct store_str with, struct store_str text,
		const struct pattern_span *spans)
{
	for (uint32_t i = 0; i < with.size; i++) {
		char next = i + 1 < with.size ? with.bytes[i + 1] : '\0';
		bool is_escape = with.bytes[i] == '\\' && next != '\0';
		const struct pattern_span *span =
		    is_escape && next >= '0' && next <= '9' ? &spans[next - '0'] : NULL;

		i += is_escape;
		if (span != NULL ? !put(builder, text, span->from, span->to)
				 : !put(builder, with, i, i + 1))
			return false;
	}
	return true;
}

/* As ClickHouse has it: after a match of nothing one byte is kept. */
static bool
replace(struct pattern_machine *machine, struct store_str text, struct store_str with, bool all,
	struct builder *builder)
{
	struct pattern_span spans[PATTERN_GROUPS_MAX];
	uint32_t at = 0;

	while (pattern_find(machine, text, at, spans)) {
		if (!put(builder, text, at, spans[0].from) ||
		    !put_replacement(builder, with, text, spans))
			return false;
		at = spans[0].to;
		if (spans[0].from == spans[0].to) {
			if (at == text.size)
				return true;
			if (!put(builder, text, at, at + 1))
				return false;
			at++;
		}
		if (!all)
			break;
	}
	return put(builder, text, at, text.size);
}

static int
evaluate_replace(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	const char *name = call->function->name;
	bool all = name[strlen(name) - 1] == 'l';
	struct pattern_machine *machine;
	struct pattern *pattern;
	int result = prepare(evaluation, &args[1], &pattern, &machine);

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct builder builder = {.arena = evaluation->arena};
		struct store_str text = data_string(&args[0], i);

		if (data_string(&args[1], 0).size == 0) {
			out->s[i] = text; /* no pattern replaces nothing */
			continue;
		}
		if (!replace(machine, text, data_string(&args[2], i), all, &builder))
			return expression_no_memory(evaluation->error);
		out->s[i] = (struct store_str){builder.bytes, builder.size};
		result = expression_work(evaluation, builder.size);
	}
	return result != 0 ? result : watch_check(evaluation->watch, evaluation->error);
}

const struct function function_pattern_table[] = {
    {"match", false, 2, 2, false, infer_pattern, evaluate_match},
    {"extract", false, 2, 2, false, infer_pattern, evaluate_extract},
    {"replaceRegexpOne", false, 3, 3, false, infer_pattern, evaluate_replace},
    {"replaceRegexpAll", false, 3, 3, false, infer_pattern, evaluate_replace},
    {NULL, false, 0, 0, false, NULL, NULL},
};
