/*
 * What scan*.c share: a running query's state and the ways between its parts.
 * Nothing else includes this. One thread runs a scan; those of scan_parallel.c
 * are each a scan of their own.
 */
#ifndef SCAN_INSIDE_H
#define SCAN_INSIDE_H

#include "scan.h"
#include "slice.h"

/* Open addressing; slots_count is a power of two, at least twice `count`. */
struct groups {
	uint64_t *keys;  /* [count][words]: a word per key, then one of NULL bits */
	uint32_t *slots; /* group + 1, 0 free */
	uint32_t count, groups_max, slots_count, words;
	/* By one string that is never NULL: a group's number is its string's, for
	 * each new string is followed by its group; and there are no slots. */
	bool are_strings;
};

struct string_slot {
	uint32_t hash, taken; /* id + 1, 0 free */
};

/* Distinct strings of group keys: ids are the words of keys. */
struct strings {
	struct store_str *list;
	struct string_slot *slots; /* of the first hashed_count */
	uint32_t count, list_max, slots_count, hashed_count;
	/* dense.emptied, whose table has all that have no slot, or SCAN_NOT_SOLE */
	uint64_t sole;
};

#define SCAN_UNKNOWN UINT32_MAX
#define SCAN_NOT_SOLE UINT64_MAX

/* Groups of a dictionary's codes. */
struct scan_codes {
	uint32_t *table; /* [max]: or SCAN_UNKNOWN; NULL: there is none */
	uint32_t max;    /* dictionary.count at least */
	bool ascends;
	uint64_t meaning;
	struct dictionary dictionary;
};

/* Of several keys, the table before. */
struct scan_combinations {
	uint32_t *table; /* [max]; NULL: there is none */
	uint32_t max, entries;
	uint64_t meaning;
	struct dictionary dictionaries[PLAN_KEYS_MAX];
};

/* Groups by the combination of dictionary codes. */
struct dense {
	uint32_t *table; /* [max]: or SCAN_UNKNOWN */
	uint32_t max;
	/* Of one key: a table before, of which what it knows is of use; and the memory of
	 * another. */
	struct scan_codes before, spare;
	struct scan_combinations combinations;
	uint64_t emptied; /* how often another table took the place of one */
	uint64_t meaning; /* of places: what they are is the same whenever it is */
	bool ascends;     /* of one key: the dictionary does, being a segment's */
	struct dictionary dictionaries[PLAN_KEYS_MAX];
};

/* Runs of rows of the same keys; count 0: they are too many to be worth it. */
struct scan_runs {
	uint32_t count;
	uint32_t *firsts; /* [count + 1]: rows */
	uint32_t *groups; /* [count] */
};

/* Which group each row is in. */
struct scan_assigned {
	/* Both NULL: all in `group`; set with runs only where there are ranges. */
	const uint32_t *groups;
	const uint8_t *bytes; /* in place of `groups`, of places only */
	uint32_t group;
	struct scan_runs runs;
};

#define SCAN_PLACES_MAX 1024u

/* Rows' places among few combinations of dictionary codes. */
struct scan_places {
	const uint32_t *list; /* [rows]: below `count`; NULL: `bytes` are */
	const uint8_t *bytes;
	uint32_t count;
	const uint32_t *groups; /* [count]: each place's group, or SCAN_UNKNOWN */
	uint32_t base;          /* of scan_assign_or_place: is to be added to those of the list */
};

#define SCAN_THREADS_MAX 64u
#define SCAN_RANGES_MAX 8u
#define SCAN_LIMITS_MAX 16u

/* A column of which several aggregates count ranges: scan_ranges.c. */
struct scan_ranges {
	const struct expression *column;
	uint32_t limits_count;
	int64_t limits[SCAN_LIMITS_MAX]; /* ascending, of stored integers */
	uint64_t *counts;                /* [groups_max][limits_count + 2] */
	uint32_t groups_max;
	uint64_t *waiting; /* [scan->waiting.count][limits_count + 2] */
};

/* Places of which ranges have counts that are not in groups' yet; in the block's
 * memory. */
struct scan_waiting {
	uint32_t count;   /* of places; 0: there are none */
	uint64_t emptied; /* dense.emptied, by which they are meant */
	uint32_t *groups; /* [count]: SCAN_UNKNOWN where no row was */
};

/* Stored integers first ... last, as numbers that ascend as the values do. */
struct scan_span {
	uint64_t first, last;
};

/* Which entries of a dictionary a condition wants. */
struct scan_entries {
	uint64_t epoch; /* of the slice's dictionaries; 0: nothing yet */
	const struct store_str *const *chunks;
	uint32_t count;
	bool known;           /* else the rows must be asked one by one */
	uint8_t *wanted;      /* [count] */
	uint32_t *below;      /* [count + 1]: how many are wanted before each */
	uint32_t first, last; /* wanted ones when is_run: all of first ... last */
	bool is_run;
};

enum scan_condition_kind {
	SCAN_AND,     /* of `parts`; of none: every row */
	SCAN_OR,      /* of none: no row */
	SCAN_SPANS,   /* a column's stored integers within `spans` */
	SCAN_NULLS,   /* a column is NULL */
	SCAN_ENTRIES, /* of one string column: decided per entry of its dictionary */
	SCAN_ENDS,    /* a monotone function of time, compared with constants */
	SCAN_OTHER,   /* `expression` is to be evaluated */
};

enum scan_verdict { SCAN_SOME, SCAN_NONE, SCAN_ALL };

/* WHERE as a tree without NOT, which went down to the leaves: rows that want it
 * are those where it is true, so NULLs need no third value. */
struct scan_condition {
	enum scan_condition_kind kind;
	const struct expression *expression; /* of leaves */
	const struct expression
	    *comparison; /* the same, or a call of IN that is true where it is */
	/* Leaves: rows where the expression is false, neither true nor NULL;
	 * SCAN_SPANS: outside all spans; SCAN_NULLS: not NULL. */
	bool negated;
	bool may_fail;
	uint16_t column;         /* of SCAN_SPANS and SCAN_NULLS */
	uint64_t bias;           /* stored integer XOR bias is what spans are of */
	struct scan_span *spans; /* [spans_count], ascending, apart */
	uint32_t spans_count;
	/* SCAN_ENDS: which argument the function is; what it is compared with are
	 * the others, by that operation, or by its contrary. */
	uint32_t ends;
	bool is_contrary;
	const char *operation;
	struct scan_entries entries[2]; /* of the dictionary; of '' where there is none */
	struct scan_condition *parts;   /* [parts_count] */
	uint32_t parts_count;
	enum scan_verdict verdict; /* of the block */
	uint64_t asked, kept;      /* rows so far */
	double rank;               /* while parts are ordered, and the place before */
	uint32_t place;
	/* Of the root: the source of the block that was judged last, and whether its times rule
	 * out all of its blocks. */
	const void *source;
	bool is_source_pruned;
};

/* Rows of the answer, before sorting and the limit. */
struct rows {
	struct store_value *values; /* [count][width]; as columns: [width][rows_max] */
	uint64_t count, rows_max;
	uint32_t width;   /* result columns, then sort keys, then those of LIMIT BY */
	bool are_columns; /* already: nothing is asked of a row */
};

/* The order of rows, or of other things that have sort keys. */
struct scan_order {
	const struct plan *plan;
	uint32_t first; /* sort key in a row */
	/* Behind the sort keys is a number by which rows that they leave equal are
	 * sorted. */
	bool is_numbered;
};

/* The first of what was offered so far: sort keys, then a number. */
struct scan_best {
	struct scan_order order;
	struct store_value *list; /* [max + 1][width]: ones that may be in front */
	uint64_t wanted, count, max;
	uint32_t width;
	bool is_full; /* list[wanted - 1] is a bound */
};

/* Aggregates that are computed for the groups that the limit leaves, by reading
 * the blocks again: scan_again.c. */
struct scan_again {
	bool is_wanted;                  /* there are some */
	bool later[PLAN_AGGREGATES_MAX]; /* which; they share states with one another only */
	const uint32_t *blocks;          /* [blocks_count]: the scan's, to be read again */
	uint32_t blocks_count;
	const uint32_t
	    *taken_as; /* of a worker: [groups.count], the scan's numbers of its groups */
	/* While blocks are read again, else NULL: [groups_count], a group's place among
	 * those that are left, or SCAN_UNKNOWN. */
	const uint32_t *places;
	uint32_t groups_count, places_count;
	/* By one string: [places_count], what is looked for in segments' dictionaries; else
	 * NULL. */
	const struct store_str *strings;
	/* [codes_max]: of the codes of `dictionary` */
	uint8_t *code_kept;    /* 1 where there is a place, else 0 */
	uint32_t *code_places; /* set where there is one */
	uint32_t codes_max;
	struct dictionary dictionary;
	uint64_t epoch; /* of the slice's dictionaries; 0: of none yet */
};

/* Rows counted by codes: scan_tally.c. */
struct scan_tally {
	bool serves;      /* all that is asked for */
	uint32_t entries; /* of the dense table that are counted; 0: nothing is */
	uint32_t *counts; /* [max] */
	uint32_t max, rows;
};

struct scan {
	const struct plan *plan;
	const struct snapshot *snapshot;
	const struct scan_limits *limits;
	struct store_arena *arena;   /* the result's */
	struct store_arena *scratch; /* one slice's */
	struct store_error *error;   /* or NULL */
	struct store_result *result;
	int64_t now_ms;
	uint64_t secret;
	struct slice slice;
	struct scan_condition *where;
	struct groups groups;
	struct strings strings;
	struct dense dense;
	struct aggregate_states *states[PLAN_AGGREGATES_MAX];
	uint32_t shares[PLAN_AGGREGATES_MAX]; /* whose states an aggregate uses: often its own */
	struct scan_ranges ranges[SCAN_RANGES_MAX];
	uint32_t ranges_count;
	bool by_ranges[PLAN_AGGREGATES_MAX]; /* which aggregates those serve */
	bool only_ranges;                    /* they serve all */
	struct scan_waiting waiting;
	struct scan_tally tally;
	struct scan_again again;
	struct rows rows;
	uint64_t rows_left_out;                        /* by the limit, before they were rows */
	uint64_t rows_ahead;                           /* of the blocks from this one on */
	bool done;                                     /* enough rows */
	struct scan_worker *workers[SCAN_THREADS_MAX]; /* scan_parallel.c */
	uint32_t workers_count;
};

/* All fallible functions return 0 or a negative code with scan->error set. */

/* scan.c */
int scan_no_memory(struct scan *scan);
/* Bytes NULL when memory ran out; an empty string has some too. */
struct store_str scan_copy_string(struct store_arena *arena, struct store_str string);

/* Of the first `count` rows of the slice. */
struct evaluation scan_evaluation(struct scan *scan, uint32_t count);
/* Moves to the block and sets what WHERE leaves open of it. */
int scan_open_block(struct scan *scan, const struct block *block, enum scan_verdict *verdict);
/* Opens and closes what a running scan needs besides its arena. */
int scan_open(struct scan *scan);
void scan_close(struct scan *scan);
/* Blocks list[count] of the table; NULL: the first `count`. */
int scan_blocks(struct scan *scan, const uint32_t *list, uint32_t count);
/* Those that have rows for WHERE, as far as can be told without reading one. The
 * list has room for all. */
int scan_list_blocks(struct scan *scan, uint32_t *list, uint32_t *count);

/* scan_parallel.c */
/* Whether the plan allows it to run on several threads, and the limits too. */
bool scan_may_share(const struct scan *scan);
/* All blocks into the scan's groups, on as many threads as they are worth; groups
 * may refer to the workers' memory until scan_close_workers(). */
int scan_in_parallel(struct scan *scan);
/* The same once more, when again.places is set, for the aggregates that wait. */
int scan_in_parallel_again(struct scan *scan);
void scan_close_workers(struct scan *scan);

/* scan_spans.c */
/* Makes a condition of kind SCAN_SPANS of one whose comparison is that of such a column with
 * constants. 1, 0 where it is not, or STORE_ELIMIT. */
int scan_make_spans(const struct plan *plan, struct scan_condition *condition,
		    struct store_arena *arena);
/* Whether it is a column whose values ascend with its stored integers. */
bool scan_has_order(const struct plan *plan, const struct expression *expression);
bool scan_is_null(const struct expression *expression);
/* The operation on its left argument, of a comparison or IN; NULL: none. */
const char *scan_operation_of(const struct expression *call, bool *negated);
/* With its arguments the other way round. */
const char *scan_turned(const char *operation);

/* scan_prune.c */
/* Which conditions the block's values leave open, dictionaries asked too: sets
 * their verdicts, the whole one's into *verdict. The slice is at the block. */
int scan_judge(struct scan *scan, struct evaluation *evaluation, enum scan_verdict *verdict);
/* The verdict of a condition of kind SCAN_SPANS on values that are not NULL and within these
 * bounds, as signed integers. */
enum scan_verdict
scan_judge_bounds(const struct scan_condition *condition, const int64_t bounds[2]);
/* The entries that a condition of kind SCAN_ENTRIES wants of a dictionary (NULL:
 * of ''); *out has known = false where that cannot serve. */
int scan_entries(struct scan *scan, struct evaluation *evaluation, struct scan_condition *condition,
		 const struct dictionary *dictionary, const struct scan_entries **out);

/* scan_bits.c: bits of the rows whose value is in some span, or is a wanted
 * entry; `negated` is not looked at. */
void scan_bits_of_spans(const struct scan_condition *condition, const int64_t *values,
			uint32_t count, uint64_t *out);
void scan_bits_of_narrow_spans(const struct scan_condition *condition, const uint32_t *values,
			       uint32_t count, uint64_t *out);
void scan_bits_of_entries(const struct scan_entries *entries, const uint32_t *codes, uint32_t count,
			  uint64_t *out);
/* The same of codes of a byte each. */
void scan_bits_of_bytes(const struct scan_entries *entries, const uint8_t *codes, uint32_t count,
			uint64_t *out);
uint32_t scan_bits_count(const uint64_t *bits, uint32_t count);
/* The numbers of the rows whose bit is set, ascending; returns how many. */
uint32_t scan_bits_rows(const uint64_t *bits, uint32_t count, uint32_t *rows);

/* scan_narrow.c */
/* The rows that are left of an evaluation over `total` rows. */
struct scan_selection {
	struct scan *scan;
	struct evaluation *evaluation;
	uint32_t total;
	uint64_t *wanted; /* scratch: bits of `total` rows */
	uint32_t *rows;   /* for evaluation->rows: [total] */
};
/* Whether bounds of times tell that no row is wanted, before anything else is read.
 * Conditions behind one that may fail do not spare its rows. */
int scan_rule_out(struct scan_selection *selection, bool *is_out);
/* Takes the bits of those rows that the condition does not keep. */
int scan_narrow(struct scan_selection *selection, struct scan_condition *condition, uint64_t *bits);
/* The evaluation is of these rows from now on. */
void scan_select_rows(struct scan_selection *selection, const uint64_t *bits);

/* scan_filter.c */
/* Narrows an evaluation over the whole slice to the rows that are visible and
 * match; without a slice its one row is visible. With `first`, where they are some of the
 * slice's that follow one another it has no list: they are evaluation->count rows from *first
 * of the slice on, which slice_part is to be told. Else *first is 0. */
int scan_select(struct scan *scan, struct evaluation *evaluation, uint32_t *first);

/* scan_keys.c */
/* The string's id, a new one when it is not known yet; `lasts`: its bytes last as
 * long as the scan, as a dictionary's do, and need no copy. */
int scan_keys_intern(struct scan *scan, struct store_str string, bool lasts, uint64_t *id);
/* The same in two steps, the first of which asks for the memory that the second needs,
 * for several strings at once. */
uint32_t scan_keys_hash(const struct scan *scan, struct store_str string);
int scan_keys_intern_hashed(struct scan *scan, struct store_str string, uint32_t hash, bool lasts,
			    uint64_t *id);
/* Whether the dictionary's table of now has all strings so far: others of the dictionary
 * are new ones. */
bool scan_keys_are_sole(const struct scan *scan);
/* The same is true of another dictionary's table, which is that of now. */
void scan_keys_stay_sole(struct scan *scan);
/* The group of such a string, the only key, whose bytes last, without a look at it. */
int scan_keys_add(struct scan *scan, struct store_str string, uint32_t *group);
/* The id of a new one that the table has not. */
int scan_keys_append(struct scan *scan, struct store_str string, uint64_t *id);
/* Of all strings that the scan knows, [strings.count], in its arena; NULL: no memory. */
const uint32_t *scan_keys_hashes(const struct scan *scan);
/* words[row * stride] = the key's word for each row; codes are interned once
 * per dictionary entry. */
int scan_keys_words(struct scan *scan, const struct data *data, uint32_t count, uint32_t stride,
		    uint64_t *words);
/* The group of the key[groups.words], a new one when it is not known yet. */
int scan_keys_group(struct scan *scan, const uint64_t *key, uint32_t *group);
/* Groups of `count` keys, a row's same as the one before at once. */
int scan_keys_groups(struct scan *scan, const uint64_t *keys, uint32_t count, uint32_t *out);

/* scan_lists.c */
/* An array as bytes, equal when its items are; in the scratch. */
int scan_lists_write(struct scan *scan, const struct type *type, const struct store_value *list,
		     struct store_str *out);
/* The array of those bytes, which must last as long as it. */
int scan_lists_read(struct scan *scan, const struct type *type, struct store_str from,
		    struct store_value *out);

/* scan_codes.c */
/* Whether all keys are dictionary columns with few combinations in all: so many. */
bool scan_codes_are_few(const struct data *data, uint32_t keys_count, uint32_t *entries);
/* Of the plan's keys and as many combinations: their groups, or SCAN_UNKNOWN; NULL: no
 * memory. Until the next call. */
uint32_t *scan_codes_table(struct scan *scan, const struct data *data, uint32_t entries);
/* out[i] = table[places[i]], and sets there what is unknown. */
int scan_codes_map(struct scan *scan, const struct data *data, uint32_t *table,
		   const uint32_t *places, uint32_t count, uint32_t *out);
#define SCAN_CODES_ROWS 256u
/* Of the only key's codes, whose groups are table[code], or SCAN_UNKNOWN; *table NULL:
 * they are too many, or none. */
int scan_codes_of_key(struct scan *scan, const struct data *key, const uint32_t **table);
/* Sets in that table what is unknown of rows first ... end - 1, SCAN_CODES_ROWS at most. */
int scan_codes_new(struct scan *scan, const struct data *key, uint32_t first, uint32_t end);
/* groups[from's]: this scan's groups of the same strings, as far as the tables of codes
 * tell, else SCAN_UNKNOWN; whether strings of those are new here. */
bool scan_codes_carry(const struct scan *scan, const struct scan *from, uint32_t *groups);

/* scan_assign.c: the groups of the evaluation's rows, in the scratch. */
int scan_assign(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *out);
/* The same, or the rows' places where these are few: then places->count is not 0, and
 * nothing else is set. */
int scan_assign_or_place(struct scan *scan, struct evaluation *evaluation,
			 struct scan_assigned *out, struct scan_places *places);
/* The rows' places, where these are few, and fewer than rows; else out->count is 0. Groups
 * that are unknown are known after scan_assign() of the same evaluation. */
int scan_assign_places(struct scan *scan, struct evaluation *evaluation, struct scan_places *out);

/* scan_group.c: prepare, then slice after slice, then finish. */
int scan_group_prepare(struct scan *scan);
/* Which aggregates wait is known now: before any row is taken. */
void scan_group_share(struct scan *scan);
/* Whether all that rows need of their groups is to be counted by places, where these are
 * few; something is. */
bool scan_group_may_place(const struct scan *scan);
/* Takes the evaluation's rows into their groups. */
int scan_group_slice(struct scan *scan, struct evaluation *evaluation);
/* Takes those of groups that are left into the aggregates that wait. */
int scan_group_slice_again(struct scan *scan, struct evaluation *evaluation);
/* The group of all the block's rows, when the keys' values are known to be the
 * same in all of them without reading one; else *known is false. */
int
scan_group_of_block(struct scan *scan, struct evaluation *evaluation, uint32_t *group, bool *known);
/* Adds the groups of another scan of the same plan, whose ranges are finished;
 * refers to its memory. */
int scan_group_merge(struct scan *scan, struct scan *from);
/* The same of the aggregates that waited. */
int scan_group_merge_again(struct scan *scan, struct scan *from);
/* scan_runs.c: the runs of `count` rows, without groups; in the scratch. */
int scan_runs_find(struct scan *scan, const struct data *keys, uint32_t keys_count, uint32_t count,
		   struct scan_runs *out);
/* The same by a key of times that are known to ascend, and its value of each run, without
 * a row's. */
int scan_runs_find_times(struct scan *scan, struct evaluation *evaluation,
			 const struct expression *key, struct scan_runs *out, struct data *values);
/* A key of each run's rows. */
int scan_runs_key(struct scan *scan, const struct scan_runs *runs, const struct data *key,
		  struct data *out);
/* The run's rows of the data, which it refers to. */
struct data scan_runs_part(const struct scan_runs *runs, uint32_t run, const struct data *data);
/* scan_finish.c: hands the groups that HAVING keeps, and the limit does not cut
 * off, to scan_rows_collect. */
int scan_group_finish(struct scan *scan);
/* Whether groups that the limit cuts off need not be finished. */
bool scan_group_is_cut(const struct plan *plan);
/* Marks the slots that HAVING and ORDER BY ask for. */
void scan_group_mark_asked(const struct plan *plan, bool *asked);

/* scan_again.c */
/* Whether aggregates of the plan could wait until the limit has chosen groups. */
bool scan_again_serves(const struct scan *scan);
/* Decides whether they do, before blocks list[count], those that WHERE leaves, are
 * read. */
int scan_again_decide(struct scan *scan, const uint32_t *list, uint32_t count);
/* Narrows the evaluation to rows of groups that are left, whose places are *assigned's
 * groups from then on: by their codes, else *taken is false; or by their groups. */
int scan_again_by_codes(struct scan *scan, struct evaluation *evaluation,
			struct scan_assigned *assigned, bool *taken);
int
scan_again_narrow(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *assigned);
/* The aggregates that wait, of groups[count]: their states are by these places. */
int scan_again(struct scan *scan, const uint32_t *groups, uint32_t count);

/* scan_tally.c: whether it serves is known when the shares are. */
void scan_tally_prepare(struct scan *scan);
/* Counts the evaluation's rows, none of which has a weight; else *taken is false. */
int scan_tally_slice(struct scan *scan, struct evaluation *evaluation, bool *taken);
/* What was counted, to groups: before the table of codes is another, and at the end. */
int scan_tally_settle(struct scan *scan);

/* scan_whole.c: takes all rows of the slice's block at once, where that can be
 * done without reading them; else *taken is false. WHERE wants them all. */
int scan_whole_block(struct scan *scan, struct evaluation *evaluation, bool *taken);

/* scan_ranges.c: the same for aggregates that by_ranges[] tells. */
void scan_ranges_prepare(struct scan *scan);
/* What was counted into the aggregates' states. */
int scan_ranges_finish(struct scan *scan);

/* scan_classes.c */
/* Of a group: a class per range, and one for NULLs, which nobody reads. */
uint32_t scan_classes_count(const struct scan_ranges *ranges);
/* The class that begins at the limit. */
uint32_t scan_classes_of(const struct scan_ranges *ranges, int64_t limit);
/* Counts the evaluation's rows. `weights` is NULL when all count once. */
int scan_classes_slice(struct scan *scan, struct evaluation *evaluation,
		       const struct scan_assigned *assigned, const uint32_t *weights);
/* The same without the rows' groups, which it makes, where places serve as well;
 * else *taken is false. */
int scan_classes_by_places(struct scan *scan, struct evaluation *evaluation,
			   const uint32_t *weights, bool *taken);
/* At the end of a block: what was counted by places to its groups. */
int scan_classes_settle(struct scan *scan);

/* scan_best.c */
/* qsort_r's comparison of rows; context is a struct scan_order. */
int scan_best_compare(const void *a, const void *b, void *context);
/* Room for as many as the limit can ever need, and as many again, or for all that
 * there will be. */
int scan_best_open(struct scan *scan, uint64_t offers_max, struct scan_best *best);
/* Where the next one's keys and number are to be put; then whether it may be
 * among the first; then it is taken, and the list sorted and cut if it was full. */
struct store_value *scan_best_next(struct scan_best *best);
bool scan_best_offers(const struct scan_best *best);
bool scan_best_take(struct scan_best *best);
/* Sorts and cuts. */
void scan_best_sort(struct scan_best *best);
/* The last that the limit lets in as far as is known; NULL before there are enough. */
const struct store_value *scan_best_last(const struct scan_best *best);
/* Whether nothing with that first key, or one behind it, can be among the first. */
bool scan_best_is_behind(const struct scan_best *best, const struct store_value *first_key);

/* scan_front.c: the first rows of a table by sort keys, in place of collecting. */
bool scan_front_serves(const struct scan *scan);
int scan_front(struct scan *scan);

/* scan_rows.c: collect and trim as often as needed, then finish. */
/* Appends the evaluation's rows; those of `keep` when it is not NULL. */
int scan_rows_collect(struct scan *scan, struct evaluation *evaluation, const struct data *keep);
/* With a limit, forgets rows that cannot be in the answer; sets scan->done when
 * no more are needed. */
int scan_rows_trim(struct scan *scan);
/* How many rows the limit can ever need. */
uint64_t scan_rows_wanted(const struct plan *plan);
/* The groups among the evaluation's, of those that `keep` has when it is not
 * NULL, that the limit leaves, in the order of the answer; the others are counted
 * as left out. In the arena. */
int scan_rows_choose(struct scan *scan, struct evaluation *evaluation, const struct data *keep,
		     const uint32_t **groups, uint32_t *count);
/* The expression that gives a row's value. */
const struct expression *scan_rows_column(const struct plan *plan, uint32_t column);
/* Room for `more` rows. */
int scan_rows_reserve(struct scan *scan, struct rows *rows, uint64_t more);
/* The totals: the evaluation's one row. */
int scan_rows_totals(struct scan *scan, struct evaluation *evaluation);
/* Sorts, cuts and fills scan->result. */
int scan_rows_finish(struct scan *scan);

/* scan_totals.c: all groups that `keep` (NULL: all) has as one row, whose keys
 * are 0, '' or NULL; into scan->result. */
int scan_totals(struct scan *scan, const struct data *keep);

/* scan_after.c: what the plan asks for, of the rows as they are. */
int scan_after_distinct(struct scan *scan);
int scan_after_limit_by(struct scan *scan);
int scan_after_fill(struct scan *scan);

#endif
