/* What aggregate*.c share: the state of a group. Nothing else includes this. */
#ifndef AGGREGATE_INSIDE_H
#define AGGREGATE_INSIDE_H

#include "aggregate.h"
#include "sketch.h"

struct aggregate_set {   /* of hashes: distinct values */
	uint64_t *slots; /* [slots_count * words]; 0: free */
	uint32_t count, slots_count, words;
	uint8_t *registers; /* of uniq, once there are many: see aggregate_set.c */
};

/* Distinct values with their weights, in the order of their first row. */
struct aggregate_counts {
	struct store_value *values; /* [count] */
	uint64_t *weights;          /* [count] */
	uint32_t *slots;            /* index + 1, 0 free */
	uint32_t count, max, slots_count;
};

/* Rows of one view: one draw. */
struct aggregate_view {
	uint64_t key;
	double weight, rows, sum;
};

struct aggregate_views {
	struct aggregate_view *list; /* [count] */
	uint32_t *slots;             /* index + 1, 0 free */
	uint32_t count, max, slots_count;
};

/* There may be a million of them: what no aggregate needs at once shares its place. */
struct aggregate_state {
	uint64_t weight;  /* of rows that counted */
	uint64_t integer; /* sum, min or max of integers, wrapping as 64 bits */
	double number;    /* the same of floats; avg's sum */
	union {
		struct {
			struct store_str string; /* min and max of strings */
			struct store_value kept; /* any, argMin, argMax */
		};
		double
		    moments[3]; /* of margin: sums of w(w-1) times x^0, x^1, x^2; of var: w x^2 */
		struct aggregate_set set; /* uniq, uniqExact */
	};
	struct sketch *sketch;           /* quantiles */
	struct aggregate_counts *counts; /* topK, groupArray */
	struct aggregate_views *views;   /* of margin, where rows share views */
};

/* What a group of a quantile has on top of its state, until it is settled: see
 * aggregate_quantile.c. */
struct aggregate_hot {
	uint32_t *heavy;  /* [SKETCH_BUCKETS]: weights, or NULL */
	uint32_t *values; /* [values_count]: of quantiles, while there are few */
	uint32_t values_count, values_max;
};

#define AGGREGATE_WAYS 4u         /* at most */
#define AGGREGATE_WAYS_GROUPS 16u /* more have one */

/* What is known of a group's buckets. The two outermost ones and those between these are
 * inner ones, but for outermost ones of more than one integer. Bytes of inner buckets count
 * down: they are 255 less what they count. All others stay 0, whereby whoever takes 1 from
 * a byte has one test for what need be noticed, that it was 0: a byte was full, or the row
 * may widen [min, end). */
struct aggregate_edges {
	uint32_t min, end;    /* of the integers counted; end 0: none */
	uint32_t least, most; /* weights that the buckets of min and end - 1 lack; when
				 both are one, only `least` */
};

/* Memory for the rows of a slice: [max] each. */
struct aggregate_scratch {
	uint32_t max;
	uint32_t *rows, *groups, *narrow;
	int64_t *values;
	uint32_t *weights;
	uint64_t *hashes;
	uint16_t *buckets;
	uint8_t *marks;
	uint32_t *cells;
};

#define AGGREGATE_FEW_MAX 8u

/* aggregate_few.c: counters[2][max][SKETCH_BUCKETS] of places, the two of which hold at
 * most `filled` rows a bucket. */
struct aggregate_few {
	uint16_t *counters;
	uint32_t groups[AGGREGATE_FEW_MAX]; /* of places [count] that count here */
	uint32_t count, max, filled, missed;
	uint64_t meaning; /* of the places */
};

/* Buckets are added up by so many, from that of the integer 1 on. */
#define AGGREGATE_ONE 2u
#define AGGREGATE_SPAN 128u
#define AGGREGATE_SPANS ((SKETCH_BUCKETS - AGGREGATE_ONE) / AGGREGATE_SPAN)

#define AGGREGATE_WEIGHTS_MAX 4u

/* aggregate_heavy.c: of each place [AGGREGATE_WEIGHTS_MAX][stride], the rows of a weight. */
struct aggregate_heavy {
	uint8_t *bytes;                          /* behind the places' cells; or NULL */
	uint32_t weights[AGGREGATE_WEIGHTS_MAX]; /* above 1; 0 behind the last */
	/* Of buckets, those that have bytes: the one before a span, and whole spans. */
	uint32_t first, width;
	uint32_t stride; /* width, up to a line */
	uint32_t missed; /* rows that had none */
	uint32_t *words; /* [SKETCH_BUCKETS]: to settle with */
};

/* Rows that are not to be counted take so many bytes in turn, which nobody asks for. */
#define AGGREGATE_IDLE_BYTES 64u

/* aggregate_young.c: of each place the first rows, unless it counts in bytes. */
struct aggregate_young {
	uint32_t *values;          /* [max][SKETCH_EXACT_MAX] */
	uint32_t *weights;         /* theirs; NULL: all are 1 */
	uint32_t *counts, *groups; /* [max]: of places; groups of those that have some */
	uint32_t max;
	uint32_t asked, found; /* rows, and those of them whose places have no bytes */
	bool some;             /* may have entries */
};

/* A group of rows set aside that is not answered from a list. */
struct aggregate_apart {
	struct aggregate_apart *next;
	uint32_t group;
	struct aggregate_states *states; /* of one group */
};

/* aggregate_aside.c: rows of quantiles that came into no group yet. */
struct aggregate_aside {
	bool waits;     /* such rows may come, and all else of the groups has no memory */
	uint32_t count; /* of the rows */
	struct aggregate_part *parts;
	/* In the order of their groups, of which there are so many: group g's from ends[g] to
	 * ends[g + 1]. NULL until somebody asks. */
	uint32_t *values, *ends, groups_count;
	struct aggregate_apart *apart;
};

#define AGGREGATE_ABREAST 16u
#define AGGREGATE_ABREAST_MAX 32u

/* aggregate_abreast.c: some lists of up to `size` values; lanes[i] are their values i. */
struct aggregate_abreast {
	uint32_t size, filled; /* size: a power of two */
	uint32_t names[AGGREGATE_ABREAST], counts[AGGREGATE_ABREAST];
	_Alignas(64) uint32_t lanes[AGGREGATE_ABREAST_MAX][AGGREGATE_ABREAST];
};

/* aggregate_distinct.c: of a column's strings. */
struct aggregate_hashes {
	struct dictionary dictionary;
	uint64_t (*list)[2]; /* [max]: of each code; [0] is 0: not known yet */
	size_t max;
};

struct aggregate_states {
	const struct aggregate *aggregate;
	struct store_arena *arena;
	uint64_t secret;
	struct aggregate_state *states; /* [states_max]; NULL: see aggregate_make_states */
	uint64_t *weights; /* [states_max]: of counts, what is not settled; else NULL */
	uint32_t states_max;
	uint32_t groups_count; /* as far as they are known */
	uint32_t lists_count;  /* the first groups: their lists are begun */
	/* Of quantiles, else NULL: [states_max]. */
	struct aggregate_hot *hot;
	uint8_t **light; /* a group's [ways][SKETCH_BUCKETS], rows of weight 1, or NULL */
	struct aggregate_edges *edges;
	struct aggregate_scratch scratch;
	/* aggregate_places.c: [cells_count][SKETCH_BUCKETS], each place's; or NULL */
	uint8_t *cells;
	uint8_t *unlit;  /* [cells_count]: 1 where the place's group does not count there */
	uint32_t idle;   /* the first cell that nobody asks for */
	bool some_unlit; /* of many rows: they are asked for ahead */
	uint32_t cells_count, cells_opened, cells_missed;
	uint64_t cells_meaning; /* of the places */
	struct aggregate_few few;
	struct aggregate_heavy heavy;
	struct aggregate_young young;
	struct aggregate_aside aside;
	struct aggregate_hashes hashes;
	uint32_t ways;       /* arrays of light buckets that rows take in turn; 0: not chosen yet */
	uint64_t hot_weight; /* at most, in all buckets */
	struct aggregate_states *shared; /* whose states these are; NULL: its own */
	bool is_hot;                     /* weights[] or hot[] have something */
	bool overflowed;                 /* a sum of integers left 64 bits */
};

/* Rows of a slice that count, all of them unless NULL: what is not wanted is
 * left out already. */
struct aggregate_rows {
	uint32_t count;
	const int64_t *values;   /* NULL: none are wanted, or they are narrow */
	const uint8_t *nulls;    /* or NULL; not with narrow values */
	const uint32_t *narrow;  /* with VECTOR_NARROW_NULL; or NULL */
	bool narrow_nulls;       /* some may be */
	const uint32_t *weights; /* NULL: all are 1 */
	const uint32_t *groups;  /* NULL: all are in `group` */
	uint32_t group;
};

static inline bool
aggregate_is_quantile(const struct aggregate *aggregate)
{
	return aggregate->kind == AGGREGATE_QUANTILE || aggregate->kind == AGGREGATE_QUANTILES;
}

/* Whether its sketch has the argument's 64 bits, for a double has but 53 of them. */
static inline bool
aggregate_has_keys(const struct aggregate *aggregate)
{
	return (aggregate->kind == AGGREGATE_QUANTILE_EXACT ||
		aggregate->kind == AGGREGATE_QUANTILES_EXACT) &&
	       !data_type_is_float(aggregate->argument->type.type);
}

/* Of the argument's bits what sorts like the argument, and the other way round. */
static inline uint64_t
aggregate_key(const struct aggregate *aggregate, uint64_t bits)
{
	enum store_result_type type = aggregate->argument->type.type;
	bool is_signed = data_type_is_signed(type) || type == STORE_R_DATETIME64;

	return is_signed ? bits ^ (uint64_t)1 << 63 : bits;
}

/* Numbers by a bijection (the finalizer of MurmurHash3), so that different ones
 * are never the same. */
static inline uint64_t
aggregate_hash(uint64_t x, uint64_t secret)
{
	x ^= secret;
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

#define AGGREGATE_HOT_WEIGHT_MAX (1u << 31) /* words have 32 bits */

#define AGGREGATE_REGISTERS_BITS 17u

/* How many distinct ones were added: exact up to 2^15, beyond with a standard
 * error of 0.29 %. */
uint64_t aggregate_set_estimate(const struct aggregate_set *set);
/* aggregate_distinct.c: a cell of a row that counts, for uniq and uniqExact. 0 or STORE_ELIMIT. */
int aggregate_add_cell(const struct aggregate_states *states, struct aggregate_state *state,
		       const struct store_value *value);
/* Whether aggregate_add_codes serves: as aggregate_add, of strings that have codes. */
bool aggregate_takes_codes(const struct aggregate_states *states, uint32_t rows_count,
			   const struct aggregate_input *input);
int aggregate_add_codes(struct aggregate_states *states, uint32_t rows_count,
			const struct aggregate_input *input);
/* aggregate_set.c: 0 or STORE_ELIMIT. */
int aggregate_set_add(struct aggregate_set *set, const uint64_t hash[2], struct store_arena *arena);
/* Of one word each. */
int aggregate_set_add_all(struct aggregate_set *set, const uint64_t *hashes, uint32_t count,
			  struct store_arena *arena);
int aggregate_set_merge(struct aggregate_set *to, const struct aggregate_set *from,
			struct store_arena *arena);
/* `distinct`: one place for equal values, else each gets its own. */
int aggregate_counts_add(const struct aggregate_states *states, struct aggregate_state *state,
			 const struct store_value *value, uint64_t weight, bool distinct);
/* The `max` heaviest first; of equal weights the least value first. */
void aggregate_counts_sort(struct aggregate_counts *counts, enum store_result_type type);

/* aggregate_margin.c: a row of a view, whose rows share one draw; states into
 * each other; the result. 0 or STORE_ELIMIT. */
int aggregate_margin_add(const struct aggregate_states *states, struct aggregate_state *state,
			 uint64_t view, double number, uint64_t weight);
int aggregate_margin_merge(const struct aggregate_states *states, struct aggregate_state *to,
			   const struct aggregate_state *from);
double aggregate_margin(const struct aggregate *aggregate, struct aggregate_state *state);

/* aggregate_bytes.c. What bytes[count] of inner buckets count, or from that such bytes. */
void aggregate_bytes_invert(uint8_t *bytes, uint32_t count);
/* counts[count] more; whether some bytes were full. */
bool aggregate_bytes_take(uint8_t *bytes, const uint8_t *counts, uint32_t count);

/* Whether the byte, of which `count` was taken, was full. */
static inline bool
aggregate_byte_was_full(uint8_t byte, uint8_t count)
{
	return byte > UINT8_MAX - count;
}

/* So many are added before those that were full are looked for. */
#define AGGREGATE_BYTES_AT_ONCE 256u

/* aggregate_tally.c: rows of weight 1 to weights[groups[i]], each. */
void aggregate_tally(uint64_t *weights, const uint32_t *groups, uint32_t count);

/* aggregate_stored.c */
/* Room for so many rows; 0 or STORE_ELIMIT. */
int aggregate_reserve_scratch(struct aggregate_states *states, uint32_t count);
int aggregate_add_counts(struct aggregate_states *states, uint32_t rows_count,
			 const struct aggregate_input *input);
/* Hot counts into the states; 0 or STORE_ELIMIT. */
int aggregate_settle(struct aggregate_states *states);
/* Only those of groups[count] (NULL: of the first `count`). */
int
aggregate_settle_groups(struct aggregate_states *states, const uint32_t *groups, uint32_t count);

static inline bool
aggregate_is_null(const struct aggregate_rows *rows, uint32_t row)
{
	if (rows->narrow != NULL)
		return rows->narrow_nulls && rows->narrow[row] == VECTOR_NARROW_NULL;
	return rows->nulls != NULL && rows->nulls[row];
}

/* Where words have room for it. */
static inline uint32_t
aggregate_row_weight(const struct aggregate_rows *rows, uint32_t row)
{
	return rows->weights == NULL ? 1 : rows->weights[row];
}

/* A number of 64 bits, of whatever type. */
union aggregate_cell {
	uint64_t u;
	int64_t i;
	double f;
};

/* Whether the row counts, by its condition and its argument. */
static inline bool
aggregate_is_counted(const struct aggregate_input *input, uint32_t row)
{
	return (input->condition == NULL ||
		(!data_is_null(input->condition, row) && data_true(input->condition, row))) &&
	       (input->argument == NULL || !data_is_null(input->argument, row));
}

static inline int64_t
aggregate_value(const struct aggregate_rows *rows, uint32_t row)
{
	return rows->narrow != NULL ? rows->narrow[row] : rows->values[row];
}

/* The inner buckets: [*begin, *end), *begin <= *end. */
static inline void
aggregate_quantile_inner(const struct aggregate_edges *edges, uint32_t *begin, uint32_t *end)
{
	uint32_t first = sketch_bucket(edges->min), last = sketch_bucket(edges->end - 1);

	*begin = first + (first >= SKETCH_BUCKET_WIDE);
	*end = last + (last < SKETCH_BUCKET_WIDE);
	if (edges->end == 0 || *end < *begin)
		*end = *begin;
}

static inline bool
aggregate_quantile_is_inner(const struct aggregate_edges *edges, uint32_t bucket)
{
	uint32_t begin, end;

	aggregate_quantile_inner(edges, &begin, &end);
	return bucket >= begin && bucket < end;
}

/* A row more; whether it is to be noticed. Compilers compare what they have stored,
 * though the subtraction tells: with that, a row of many groups takes half as long. */
static inline bool
aggregate_byte_count(uint8_t *byte)
{
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	bool was_zero;

	__asm__("subb $1, %0" : "+m"(*byte), "=@ccc"(was_zero));
	return was_zero;
#else
	return (*byte)-- == 0;
#endif
}

/* aggregate_quantile.c: one value at a time. All return 0 or STORE_ELIMIT. */
/* A value of weight 1, wherever it belongs. */
int aggregate_quantile_put(struct aggregate_states *states, uint32_t group, uint32_t value);
/* A list that was begun goes on while it has room: most groups of many have few
 * values, and nothing else of theirs need come into the caches. */
static inline bool
aggregate_quantile_has_room(const struct aggregate_hot *hot)
{
	return hot->values_count > 0 && hot->values_count < hot->values_max;
}

/* Counts and quantiles of stored integers have states when the first is needed, to settle
 * what is hot, or for what cannot be: until then no group has a sketch, or words, and most
 * queries of many groups with few rows each do without. */
int aggregate_make_states(struct aggregate_states *states);

static inline struct sketch *
aggregate_sketch(const struct aggregate_states *states, uint32_t group)
{
	return states->states == NULL ? NULL : states->states[group].sketch;
}

/* Begins lists for the groups that are new. */
int aggregate_quantile_lists(struct aggregate_states *states);
/* Into a group that has no bytes. */
int aggregate_quantile_first(struct aggregate_states *states, uint32_t group, uint32_t value);
/* Whether so many values more can be listed. */
bool
aggregate_quantile_is_few(const struct aggregate_states *states, uint32_t group, uint32_t more);
/* A value that has no bucket, or whose group has none yet. */
int aggregate_quantile_cold(struct aggregate_states *states, uint32_t group, int64_t value,
			    uint64_t weight);
/* The value's byte was 0 and counted. */
int aggregate_quantile_noticed(struct aggregate_states *states, uint32_t group, uint32_t value,
			       uint8_t *byte);
/* 256 rows more of a bucket, whose byte was full. */
int aggregate_quantile_carry(struct aggregate_states *states, uint32_t group, uint32_t bucket);
/* Bytes become what they count (of a group with such edges), or those of counts. */
void aggregate_quantile_lower(const struct aggregate_edges *edges, uint32_t ways, uint8_t *bytes);
void aggregate_quantile_raise(struct aggregate_states *states, uint32_t group);
int aggregate_quantile_widen(struct aggregate_states *states, uint32_t group, uint32_t min,
			     uint32_t end);
/* The outermost buckets' bytes count like inner ones, until they are held: values that are
 * known to be within the edges are counted with no other need than full bytes. */
void aggregate_quantile_open(struct aggregate_states *states, uint32_t group);
void aggregate_quantile_hold(struct aggregate_states *states, uint32_t group);
/* What edges of another thread's hold goes to the group's buckets, which are widened to them. */
int aggregate_quantile_join(struct aggregate_states *states, uint32_t group,
			    const struct aggregate_edges *from);
/* Bytes for the group, if it has none; what was listed goes into them. `bytes`: these,
 * which are 0 but for bucket 0; or NULL. */
int aggregate_quantile_begin(struct aggregate_states *states, uint32_t group, uint8_t *bytes);
/* Words for the group, if it has none. */
int aggregate_quantile_heavy(struct aggregate_states *states, uint32_t group);
/* Whether the value's bucket is one of the edges', which hold its weight then. */
bool aggregate_quantile_weigh(struct aggregate_states *states, uint32_t group, uint32_t value,
			      uint32_t weight);
int aggregate_quantile_settle(struct aggregate_states *states, uint32_t group);
/* values[count], count <= SKETCH_EXACT_MAX. */
void aggregate_quantile_sort(uint32_t *values, uint32_t count);

/* aggregate_answer.c: of quantiles. */
/* The answers for levels[count] of a group that has nothing in its sketch, which its
 * sketch would give too; what is hot of it stays as it is. False: it has to be settled, or
 * is empty. */
bool aggregate_answer(struct aggregate_states *states, uint32_t group, const double *levels,
		      uint32_t count, double *out);
/* The same of values[count], 1 <= count <= SKETCH_EXACT_MAX, which may be sorted. */
void aggregate_answer_list(uint32_t *values, uint32_t count, uint32_t scale, const double *levels,
			   uint32_t levels_count, double *out);

/* Asks ahead for the memory that needs. */
static inline void
aggregate_answer_fetch(const struct aggregate_states *states, uint32_t group)
{
	if (states->hot != NULL)
		__builtin_prefetch(states->hot[group].values);
}

/* aggregate_finish.c: quantiles of groups[out->count] (NULL: of the first) of `states`,
 * whose rows `source` has, to lists[out->count][levels], or where that is NULL to out->n.f.
 * The crew (or NULL) helps. 0 or STORE_ELIMIT. */
int aggregate_finish_quantiles(struct aggregate_states *states, struct aggregate_states *source,
			       const uint32_t *groups, struct crew *crew, struct store_value *lists,
			       struct data *out);
/* Whether groups[count] (or the first) are so much work that two threads gain from it. */
bool
aggregate_is_divided(const struct aggregate_states *states, const uint32_t *groups, uint32_t count);
/* How many of so many groups a thread takes at once then. */
uint32_t aggregate_at_once(uint32_t count);

/* Whether that serves a group that has buckets. */
bool aggregate_can_answer(const struct aggregate_states *states, uint32_t group);
/* The weight of the group's rows, settled or not. */
uint64_t aggregate_answer_weight(const struct aggregate_states *states, uint32_t group);

/* aggregate_aside.c. Those that return int: 0 or STORE_ELIMIT. */
/* Whether so many rows more may be set aside. */
bool aggregate_aside_wants(const struct aggregate_states *states, uint32_t rows_count);
/* Sets rows aside; those that may not be, and all after them, go to their groups. */
int aggregate_aside_take(struct aggregate_states *states, const struct aggregate_rows *rows,
			 bool *taken);
/* Lists of what is set aside, from which it can be answered. */
int aggregate_aside_order(struct aggregate_states *states);
/* Where a group is, as the first, that has more values than SKETCH_EXACT_MAX. */
struct aggregate_states *
aggregate_aside_apart(const struct aggregate_states *states, uint32_t group);
/* What is set aside goes to the groups, which have memory from then on. */
int aggregate_aside_settle(struct aggregate_states *states);

/* A list into one that is not full, 1 <= count <= size, which is its size; inline, for most
 * are of a size that is known. */
static inline __attribute__((always_inline)) void
aggregate_abreast_put(struct aggregate_abreast *abreast, uint32_t size, const uint32_t *values,
		      uint32_t count, uint32_t name)
{
	uint32_t at = abreast->filled++;

	abreast->names[at] = name;
	abreast->counts[at] = count;
#pragma GCC unroll 4
	for (uint32_t i = 0; i < size; i++) {
		uint32_t none = i < count ? 0 : UINT32_MAX; /* behind all others */

		abreast->lanes[i][at] = values[i & ~none] | none;
	}
}

/* aggregate_abreast.c */
/* Each list ascends. */
void aggregate_abreast_sort(struct aggregate_abreast *abreast);

/* aggregate_bucket.c: of slices; `scratch` has room for the rows. 0 or STORE_ELIMIT. */
int aggregate_quantile_add(struct aggregate_states *states, const struct aggregate_rows *rows);
/* The rows' weights. */
uint64_t aggregate_bucket_weight(const struct aggregate_rows *rows);
/* Rows list[count] of any weight, which have buckets. */
int aggregate_bucket_heavy(struct aggregate_states *states, const struct aggregate_rows *rows,
			   const uint32_t *list, uint32_t count);
/* values[count] of weight 1, count <= SKETCH_EXACT_MAX, of a group that has bytes. */
int aggregate_bucket_values(struct aggregate_states *states, uint32_t group, const uint32_t *values,
			    uint32_t count);

/* aggregate_extreme.c: of min, max, argMin and argMax. A row that counts; 0 or STORE_ELIMIT. */
int aggregate_extreme_add(const struct aggregate_states *states, struct aggregate_state *state,
			  const struct aggregate_input *input, uint32_t row);
/* Of min and max: a slice of numbers. */
void aggregate_extreme_add_all(struct aggregate_states *states, uint32_t rows_count,
			       const struct aggregate_input *input);
/* 0 or STORE_ELIMIT. */
int aggregate_extreme_merge(struct aggregate_states *totals, struct aggregate_state *to,
			    const struct aggregate_state *from);

/* aggregate_few.c */
/* Whether it counts such rows. */
bool aggregate_few_serves(struct aggregate_states *states, uint32_t rows_count,
			  const struct aggregate_places *places);
/* Before rows are counted, whose values with buckets are in [min, max]: their groups'
 * edges. Nothing was done when some row's place is not *known to count here. */
int
aggregate_few_widen(struct aggregate_states *states, const struct aggregate_rows *rows,
		    const struct aggregate_places *places, uint32_t min, uint32_t max, bool *known);
/* Rows of scratch.cells[count]. */
void aggregate_few_count(struct aggregate_states *states, uint32_t count);
/* What is counted goes to the groups' words. */
void aggregate_few_settle(struct aggregate_states *states);

/* aggregate_heavy.c: rows of weights above 1 that are counted beside the places'
 * cells. Those that return int: 0 or STORE_ELIMIT. */
/* What *heavy is to be, where values of [min, max] come; returns the bytes of a place, 0
 * when it has none. */
size_t aggregate_heavy_choose(const struct aggregate_states *states, uint32_t min, uint32_t max,
			      struct aggregate_heavy *heavy);
/* All groups' bytes to their words: others follow. */
int aggregate_heavy_close(struct aggregate_states *states);
/* Buckets [begin, end) of a group become inner ones. */
void aggregate_heavy_raise(struct aggregate_states *states, uint32_t group, uint32_t begin,
			   uint32_t end);
/* Of rows of weights above 1, cells[] becomes that of the weight, else of bucket 0, and
 * marks[] 1 where they are to be counted elsewhere; how many. `begin`: the first cell. */
uint32_t
aggregate_heavy_number(const struct aggregate_heavy *heavy, const struct aggregate_rows *rows,
		       const struct aggregate_places *places, uint32_t begin, uint32_t *cells,
		       uint8_t *marks);
/* Weights of rows list[count] get bytes while there are some left. */
void aggregate_heavy_learn(struct aggregate_heavy *heavy, const uint32_t *weights,
			   const uint32_t *list, uint32_t count);
/* A row whose value is within the edges of its group, which has bytes. */
int aggregate_heavy_put(struct aggregate_states *states, uint32_t group, uint32_t value,
			uint32_t weight);
/* The value's byte was 0 and counted. */
int aggregate_heavy_noticed(struct aggregate_states *states, uint32_t group, uint32_t value,
			    uint8_t *byte);
/* The group's words, to be settled, with what its bytes had. */
const uint32_t *aggregate_heavy_words(struct aggregate_states *states, uint32_t group);
/* The group's [AGGREGATE_WEIGHTS_MAX][stride] bytes, or NULL. */
const uint8_t *aggregate_heavy_bytes(const struct aggregate_states *states, uint32_t group);
/* Weights that another's rows have get bytes while there are some left. */
void aggregate_heavy_meet(struct aggregate_heavy *heavy, const struct aggregate_heavy *from);
/* The bytes of another thread's group, whose weights were met. */
int aggregate_heavy_take(struct aggregate_states *states, uint32_t to,
			 const struct aggregate_states *from, uint32_t group);

/* aggregate_places.c: the group's bytes move to those of its place. */
void aggregate_places_move(struct aggregate_states *states, uint32_t group, uint32_t place);

/* Bytes that are read behind `unlit`. */
#define AGGREGATE_UNLIT_PADDING 64u

/* aggregate_unlit.c: rows[] of places whose groups have no bytes there;
 * how many. rows[] has room for the count, whatever is found. */
uint32_t
aggregate_unlit_list(const struct aggregate_states *states, const struct aggregate_places *places,
		     uint32_t count, uint32_t *rows);
/* Whether that costs so little that no row need be noticed instead. */
bool aggregate_unlit_is_fast(const struct aggregate_states *states);

/* aggregate_young.c: 0 or STORE_ELIMIT. */
/* Lists for so many places, where none has any; false: no memory. */
bool aggregate_young_reserve(struct aggregate_states *states, uint32_t count);
/* A row of a known group that has a value, wherever it belongs; `weight`: words have room. */
int aggregate_young_add(struct aggregate_states *states, uint32_t place, uint32_t group,
			uint32_t value, uint32_t weight);
/* Of rows whose cells are numbered those that are not to be counted there: these get the
 * cells of nobody. */
int aggregate_young_take(struct aggregate_states *states, const struct aggregate_places *places,
			 const struct aggregate_rows *rows, struct aggregate_rest *rest);
/* What is listed of all places goes to their groups. */
int aggregate_young_settle(struct aggregate_states *states);

/* aggregate_add.c */
/* What is settled of a group into another; 0 or STORE_ELIMIT. */
int aggregate_merge_state(struct aggregate_states *totals, struct aggregate_state *to,
			  const struct aggregate_state *from);
/* A copy of the value that outlives its block. */
int aggregate_keep(const struct aggregate_states *states, const struct store_value *value,
		   struct store_value *out);

#endif
