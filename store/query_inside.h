/*
 * What query*.c and system.c share: one statement that is being answered.
 * Nothing else includes this. One thread.
 */
#ifndef QUERY_INSIDE_H
#define QUERY_INSIDE_H

#include "relation.h"
#include "scan.h"
#include "sql_parse.h"

enum query_reads {
	QUERY_READS_UNTOLD, /* nothing, or nobody asks */
	QUERY_READS_PLAN,   /* what the plan's WHERE leaves of its table */
	QUERY_READS_ALL,    /* there are subqueries: perhaps every table */
};

enum { QUERY_LIMITS = 4 }; /* that SETTINGS can lower */

struct query_run {
	struct store *store; /* borrowed, as are request, limits and error */
	const struct store_query *request;
	const struct scan_limits *limits;
	struct snapshot *snapshot; /* of all subqueries too */
	struct store_arena *arena; /* the result's */
	struct store_result *result;
	struct store_error *error;
	/* What can be told before rows are read, query_digest.c. */
	enum query_reads reads;
	bool is_known; /* the caller has the answer */
	bool dry;      /* subqueries are planned, not run: their rows are missing */
	uint64_t lowered[QUERY_LIMITS]; /* to this by SETTINGS, as it has it; or 0 */
};

/* All return 0 or a negative code with *run->error set. */

/* query.c: plans the query, of which subqueries have been nested, and runs it
 * into `result` unless run->dry; adds what it read to run->result. */
int query_select(struct query_run *run, const struct sql_query *query, struct store_result *result,
		 struct plan **plan);

/* query_settings.c: the query's SETTINGS, which can only lower the limits; and of an error
 * about a limit that they lowered: names it. */
int query_settings(struct query_run *run, const struct sql_query *query, struct scan_limits *limits,
		   int64_t began_ns);
void query_settings_name(const struct query_run *run, struct store_error *error);

/* query_nested.c: runs the query's subqueries, innermost first, and finds the
 * tables of the system database: their rows hang on the query afterwards. */
int query_nest(struct query_run *run, struct sql_query *query);

/* query_show.c: statements that read no rows of the store. */
int query_show(struct query_run *run, struct sql_query *query);

/* query_explain.c */
int query_explain(struct query_run *run, struct sql_query *query);

/* query_digest.c */
enum query_reads query_digest_reads(const struct query_run *run);
/* Asks the caller (`known` in store.h); sets run->is_known. `plan` NULL: about
 * all tables. */
bool query_digest_is_known(struct query_run *run, const struct plan *plan);

/* A relation of one column of texts as the answer. */
int query_answer_lines(struct query_run *run, const char *name, const struct store_str *lines,
		       uint32_t count);

/* system.c: a table of the system database; *out NULL when there is none. */
int system_table(struct query_run *run, struct store_str name, struct relation **out);
/* A column's type as DESCRIBE shows it; "" when memory runs out. */
struct store_str system_type_text(struct type type, struct store_arena *arena);

#endif
