/*
 * A pattern's tree to a program of Thompson's automaton. Counted repetitions
 * are written out, so the program is bounded. Between pattern_parse.c and
 * pattern_match.c.
 */
#include <string.h>

#include "pattern_inside.h"

struct compiler {
	struct pattern *pattern;
	struct store_arena *arena;
	bool failed, too_large;
};

/* The index of a new instruction. */
static uint32_t
emit(struct compiler *compiler, struct pattern_instruction instruction)
{
	struct pattern *pattern = compiler->pattern;

	if (compiler->failed || pattern->count == PATTERN_INSTRUCTIONS_MAX) {
		compiler->too_large |= !compiler->failed;
		compiler->failed = true;
		return 0;
	}
	if (pattern->count == pattern->max) {
		uint32_t max = pattern->max == 0 ? 32 : pattern->max * 2;
		struct pattern_instruction *program =
		    store_arena_alloc(compiler->arena, max * sizeof *program);

		if (program == NULL) {
			compiler->failed = true;
			return 0;
		}
		if (pattern->count > 0)
			memcpy(program, pattern->program, pattern->count * sizeof *program);
		pattern->program = program;
		pattern->max = max;
	}
	pattern->program[pattern->count] = instruction;
	return pattern->count++;
}

/* Which way a split tries first. */
static void
set_split(struct compiler *compiler, uint32_t split, bool lazy, uint32_t body, uint32_t after)
{
	if (compiler->failed)
		return;
	compiler->pattern->program[split].x = lazy ? after : body;
	compiler->pattern->program[split].y = lazy ? body : after;
}

static void compile(struct compiler *compiler, const struct pattern_node *node);

static void
compile_repeat(struct compiler *compiler, const struct pattern_node *node)
{
	struct pattern_instruction split = {.operation = PATTERN_SPLIT};
	uint32_t at, last = UINT32_MAX;

	for (uint32_t i = 0; i < node->least && !compiler->failed; i++)
		compile(compiler, node->left);
	if (node->most == PATTERN_UNBOUNDED) {
		at = emit(compiler, split);
		compile(compiler, node->left);
		emit(compiler, (struct pattern_instruction){.operation = PATTERN_JUMP, .x = at});
		set_split(compiler, at, node->lazy, at + 1, compiler->pattern->count);
		return;
	}
	for (uint32_t i = node->least; i < node->most && !compiler->failed; i++) {
		split.y = last; /* a chain, until the end is known */
		last = emit(compiler, split);
		compile(compiler, node->left);
	}
	for (; !compiler->failed && last != UINT32_MAX; last = at) {
		at = compiler->pattern->program[last].y;
		set_split(compiler, last, node->lazy, last + 1, compiler->pattern->count);
	}
}

static void
compile_either(struct compiler *compiler, const struct pattern_node *node)
{
	uint32_t split = emit(compiler, (struct pattern_instruction){.operation = PATTERN_SPLIT});
	uint32_t jump;

	compile(compiler, node->left);
	jump = emit(compiler, (struct pattern_instruction){.operation = PATTERN_JUMP});
	set_split(compiler, split, false, split + 1, compiler->pattern->count);
	compile(compiler, node->right);
	if (!compiler->failed)
		compiler->pattern->program[jump].x = compiler->pattern->count;
}

static void
compile(struct compiler *compiler, const struct pattern_node *node)
{
	bool is_kept = node->kind == PATTERN_GROUP && node->group < PATTERN_GROUPS_MAX;

	if (compiler->failed)
		return;
	switch (node->kind) {
	case PATTERN_EMPTY:
		break;
	case PATTERN_CLASS:
		emit(compiler,
		     (struct pattern_instruction){.operation = PATTERN_TAKE, .class = node->class});
		break;
	case PATTERN_ASSERTION:
		emit(compiler, (struct pattern_instruction){.operation = PATTERN_CHECK,
							    .assertion = node->assertion});
		break;
	case PATTERN_SEQUENCE:
		compile(compiler, node->left);
		compile(compiler, node->right);
		break;
	case PATTERN_EITHER:
		compile_either(compiler, node);
		break;
	case PATTERN_REPEAT:
		compile_repeat(compiler, node);
		break;
	case PATTERN_GROUP:
		if (is_kept)
			emit(compiler, (struct pattern_instruction){.operation = PATTERN_SAVE,
								    .x = node->group * 2});
		compile(compiler, node->left);
		if (is_kept)
			emit(compiler, (struct pattern_instruction){.operation = PATTERN_SAVE,
								    .x = node->group * 2 + 1});
		break;
	}
}

int
pattern_compile(struct store_str text, struct store_arena *arena, struct pattern **out,
		const char **why)
{
	struct compiler compiler = {.arena = arena};
	struct pattern_node *node;

	*why = NULL;
	if ((*out = compiler.pattern = store_arena_zalloc(arena, sizeof **out)) == NULL)
		return STORE_ELIMIT;
	node = pattern_parse(text, arena, &compiler.pattern->groups_count, why);
	if (node == NULL)
		return *why == NULL ? STORE_ELIMIT : STORE_EINVAL;
	compile(&compiler, node);
	emit(&compiler, (struct pattern_instruction){.operation = PATTERN_DONE});
	if (compiler.too_large)
		*why = "pattern too large";
	return compiler.too_large ? STORE_EINVAL : compiler.failed ? STORE_ELIMIT : 0;
}

uint32_t
pattern_groups_count(const struct pattern *pattern)
{
	return pattern->groups_count;
}
