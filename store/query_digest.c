/*
 * Which rows a query would read, as a number, for callers that keep answers:
 * the same text on the same rows has the same answer, unless it asks for the
 * time or about the system. After the plan, before the scan; must not read rows.
 */
#include <string.h>
#include <strings.h>

#include <xxhash.h>

#include "function.h"
#include "query_inside.h"
#include "sql_lex.h"

/* A word of the query, also one in quotes, after which nothing can be told;
 * CURRENT_DATE is another name of today. */
static bool
is_volatile(struct store_str word)
{
	static const char *const words[] = {"now", "now64", "today", "yesterday", "system"};

	word = function_real_name(word);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strlen(words[i]) == word.size &&
		    strncasecmp(words[i], word.bytes, word.size) == 0)
			return true;
	}
	return false;
}

enum query_reads
query_digest_reads(const struct query_run *run)
{
	struct sql_lexer lexer = {.text = run->request->text, .arena = run->arena};
	unsigned selects = 0;

	if (run->request->known == NULL)
		return QUERY_READS_UNTOLD;
	for (;;) {
		struct sql_token token = sql_lex(&lexer);

		if (token.type == SQL_BAD ||
		    ((token.type == SQL_WORD || token.type == SQL_IDENTIFIER) &&
		     is_volatile(token.text)))
			return QUERY_READS_UNTOLD;
		if (token.type == SQL_END)
			return selects == 1 ? QUERY_READS_PLAN : QUERY_READS_ALL;
		selects += token.type == SQL_WORD && token.text.size == 6 &&
			   strncasecmp("select", token.text.bytes, 6) == 0;
	}
}

static void
add(uint64_t digest[2], uint64_t table, const struct block *block)
{
	uint64_t words[5] = {digest[0], digest[1], table};
	XXH128_hash_t hash;

	block_identity(block, words + 3);
	hash = XXH3_128bits(words, sizeof words);
	digest[0] = hash.low64;
	digest[1] = hash.high64;
}

static void
add_table(uint64_t digest[2], const struct snapshot *snapshot, uint32_t table,
	  struct scan_condition *where)
{
	for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, table); i++) {
		const struct block *block = snapshot_block(snapshot, table, i);

		if (where == NULL || !scan_is_pruned(block, where))
			add(digest, table, block);
	}
}

bool
query_digest_is_known(struct query_run *run, const struct plan *plan)
{
	uint64_t digest[2] = {0, 0};
	struct scan_condition *where;

	if (plan != NULL && plan->table == NULL)
		return false;
	if (plan != NULL) {
		where = scan_condition_create(plan, true, run->arena);
		if (where == NULL) /* then the query fails, too */
			return false;
		add_table(digest, run->snapshot, plan->table_index, where);
	} else {
		for (uint32_t t = 0; t < snapshot_schema(run->snapshot)->tables_count; t++)
			add_table(digest, run->snapshot, t, NULL);
	}
	run->is_known = run->request->known(run->request->known_context, digest);
	return run->is_known;
}
