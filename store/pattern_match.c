/*
 * Runs a pattern's program over a text: all threads step one character at a
 * time, each instruction at most once a step, so the time is at most size of
 * text times size of program. Of threads the first has priority (Pike's rule),
 * which makes the leftmost match and Perl's choice of groups.
 */
#include <string.h>

#include "pattern_inside.h"

#define WATCHED_STEPS 1024u /* a few ms of the largest program */
#define BOUNDS (2 * PATTERN_GROUPS_MAX)

struct threads {
	uint32_t *at;     /* [count] instructions, by priority */
	uint32_t *bounds; /* [count][BOUNDS] */
	uint32_t count;
};

struct pattern_machine {
	const struct pattern *pattern;
	const struct watch *watch;
	bool is_over;
	struct threads now, next;
	uint64_t *seen; /* [instruction]: the step it was last added in */
	uint64_t step;
	uint32_t *stack;        /* [2 * instructions]: still to follow */
	uint32_t *stack_bounds; /* [instructions][BOUNDS] */
};

struct pattern_machine *
pattern_machine_create(const struct pattern *pattern, const struct watch *watch,
		       struct store_arena *arena)
{
	struct pattern_machine *machine = store_arena_zalloc(arena, sizeof *machine);
	size_t count = pattern->count;

	if (machine == NULL)
		return NULL;
	machine->pattern = pattern;
	machine->watch = watch;
	machine->now.at = store_arena_alloc(arena, count * sizeof(uint32_t));
	machine->next.at = store_arena_alloc(arena, count * sizeof(uint32_t));
	machine->now.bounds = store_arena_alloc(arena, count * BOUNDS * sizeof(uint32_t));
	machine->next.bounds = store_arena_alloc(arena, count * BOUNDS * sizeof(uint32_t));
	machine->seen = store_arena_zalloc(arena, count * sizeof(uint64_t));
	machine->stack = store_arena_alloc(arena, (count + 1) * 2 * sizeof(uint32_t));
	machine->stack_bounds =
	    store_arena_alloc(arena, (count + 1) * 2 * BOUNDS * sizeof(uint32_t));
	return machine->now.at == NULL || machine->next.at == NULL || machine->now.bounds == NULL ||
		       machine->next.bounds == NULL || machine->seen == NULL ||
		       machine->stack == NULL || machine->stack_bounds == NULL
		   ? NULL
		   : machine;
}

/* ---- characters ------------------------------------------------------ */

static bool
in_ranges(const struct pattern_class *class, uint32_t c)
{
	for (uint32_t i = 0; i < class->count; i++) {
		if (c >= class->ranges[i].from && c <= class->ranges[i].to)
			return true;
	}
	return false;
}

/* The other case of a letter: ASCII, Latin 1, Greek, Cyrillic; c when it has
 * none. */
static uint32_t
other_case(uint32_t c)
{
	static const struct {
		uint32_t upper, last, distance;
	} alphabets[] = {{'A', 'Z', 32},     {0xc0, 0xd6, 32},   {0xd8, 0xde, 32},
			 {0x391, 0x3a9, 32}, {0x410, 0x42f, 32}, {0x400, 0x40f, 80}};

	for (size_t i = 0; i < sizeof alphabets / sizeof *alphabets; i++) {
		if (c >= alphabets[i].upper && c <= alphabets[i].last)
			return c + alphabets[i].distance;
		if (c >= alphabets[i].upper + alphabets[i].distance &&
		    c <= alphabets[i].last + alphabets[i].distance)
			return c - alphabets[i].distance;
	}
	return c;
}

static bool
is_in(const struct pattern_class *class, uint32_t c)
{
	return (in_ranges(class, c) || (class->folded && in_ranges(class, other_case(c)))) !=
	       class->negated;
}

static bool
is_word(struct store_str text, uint32_t at)
{
	char c = at < text.size ? text.bytes[at] : ' ';

	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static bool
holds(enum pattern_assertion assertion, struct store_str text, uint32_t at)
{
	bool edge = (at > 0 && is_word(text, at - 1)) != is_word(text, at);

	switch (assertion) {
	case PATTERN_TEXT_BEGIN:
		return at == 0;
	case PATTERN_TEXT_END:
		return at == text.size;
	case PATTERN_LINE_BEGIN:
		return at == 0 || text.bytes[at - 1] == '\n';
	case PATTERN_LINE_END:
		return at == text.size || text.bytes[at] == '\n';
	case PATTERN_WORD_EDGE:
		return edge;
	case PATTERN_NO_WORD_EDGE:
		return !edge;
	}
	return false;
}

/* ---- threads --------------------------------------------------------- */

/* Follows what takes no character from `instruction` on, in order of priority.
 * `bounds` is copied. */
static void
add_thread(struct pattern_machine *machine, struct threads *threads, uint32_t instruction,
	   const uint32_t *bounds, struct store_str text, uint32_t at)
{
	uint32_t *stack = machine->stack, depth = 1;

	stack[0] = instruction;
	memcpy(machine->stack_bounds, bounds, BOUNDS * sizeof *bounds);
	while (depth > 0) {
		uint32_t index = stack[--depth], *mine = machine->stack_bounds + depth * BOUNDS;
		const struct pattern_instruction *i = &machine->pattern->program[index];

		if (machine->seen[index] == machine->step)
			continue;
		machine->seen[index] = machine->step;
		switch (i->operation) {
		case PATTERN_TAKE:
		case PATTERN_DONE:
			threads->at[threads->count] = index;
			memcpy(threads->bounds + threads->count++ * BOUNDS, mine,
			       BOUNDS * sizeof *mine);
			continue;
		case PATTERN_JUMP:
			stack[depth++] = i->x;
			continue;
		case PATTERN_SPLIT: /* the last pushed comes first */
			memmove(mine + BOUNDS, mine, BOUNDS * sizeof *mine);
			stack[depth++] = i->y;
			stack[depth++] = i->x;
			continue;
		case PATTERN_SAVE:
			mine[i->x] = at;
			stack[depth++] = index + 1;
			continue;
		case PATTERN_CHECK:
			if (holds(i->assertion, text, at))
				stack[depth++] = index + 1;
			continue;
		}
	}
}

/* Threads of `now` over one character, to `next`. Whether one is done: its
 * bounds are in *match, and those of less priority end. */
static bool
step(struct pattern_machine *machine, struct store_str text, uint32_t at, uint32_t *match)
{
	uint32_t size = 0, c = at < text.size ? pattern_character(text, at, &size) : 0;
	struct threads *now = &machine->now;

	machine->next.count = 0;
	machine->step++;
	for (uint32_t t = 0; t < now->count; t++) {
		const struct pattern_instruction *i = &machine->pattern->program[now->at[t]];
		uint32_t *bounds = now->bounds + t * BOUNDS;

		if (i->operation == PATTERN_DONE) {
			memcpy(match, bounds, BOUNDS * sizeof *match);
			match[1] = at;
			return true;
		}
		if (at < text.size && is_in(i->class, c))
			add_thread(machine, &machine->next, now->at[t] + 1, bounds, text,
				   at + size);
	}
	return false;
}

bool
pattern_find(struct pattern_machine *machine, struct store_str text, uint32_t from,
	     struct pattern_span spans[PATTERN_GROUPS_MAX])
{
	uint32_t match[BOUNDS], size;
	bool found = false;

	machine->now.count = 0;
	machine->step++;
	for (uint32_t at = from; at <= text.size; at += size) {
		struct threads swapped;
		uint32_t begin[BOUNDS];

		if (machine->step % WATCHED_STEPS == 0)
			machine->is_over |= watch_is_over(machine->watch);
		if (machine->is_over)
			return false;
		if (!found) { /* a match may begin here, after those begun before */
			memset(begin, 0xff, sizeof begin);
			begin[0] = at;
			add_thread(machine, &machine->now, 0, begin, text, at);
		}
		if (step(machine, text, at, match)) {
			found = true;
			if (spans == NULL)
				return true;
		}
		swapped = machine->now;
		machine->now = machine->next;
		machine->next = swapped;
		if (found && machine->now.count == 0)
			break;
		size = 1;
		if (at < text.size)
			pattern_character(text, at, &size);
	}
	for (uint32_t g = 0; found && spans != NULL && g < PATTERN_GROUPS_MAX; g++)
		spans[g] = match[g * 2 + 1] == UINT32_MAX
			       ? (struct pattern_span){1, 0}
			       : (struct pattern_span){match[g * 2], match[g * 2 + 1]};
	return found;
}
