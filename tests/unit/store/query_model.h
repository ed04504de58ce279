/* The rows of the query tests as plain structs, and how they get into a store:
 * some in segments of several days, some in the memtable, some as the later
 * version of an earlier row. */
#ifndef QUERY_MODEL_H
#define QUERY_MODEL_H

#include "query_text.h"

enum {
	TS,
	SITE,
	VIEW,
	WEIGHT,
	LCP,
	CLS,
	RATIO,
	COUNTRY,
	PATH,
	BYTES,
	SAVE,
	ERRORS,
	TAGS,
	MODEL_COLUMNS
};

static const struct store_column model_columns[MODEL_COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "_sample_interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "cls", .type = STORE_FLOAT, .scale = 10000, .flags = STORE_NULLABLE},
    {.name = "ratio", .type = STORE_FLOAT},
    {.name = "country", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "path", .type = STORE_STRING},
    {.name = "bytes", .type = STORE_UINT, .bits = 32},
    {.name = "save", .type = STORE_UINT, .bits = 8, .flags = STORE_NULLABLE},
    {.name = "error_count", .type = STORE_UINT, .bits = 16, .flags = STORE_ROLE_SUM},
    {.name = "tags", .type = STORE_MAP},
};
static const struct store_table model_tables[] = {
    {"pageviews", model_columns, MODEL_COLUMNS, true}};
static const struct store_schema model_schema = {model_tables, 1};

#define MODEL_BASE_MS 1780000000000
#define MODEL_PERIOD_MS 250000000 /* almost three days */

struct model_row {
	int64_t ts;
	uint64_t view;
	uint32_t weight, bytes, save, errors;
	bool has_lcp, has_cls, has_save;
	double lcp, cls, ratio;
	const char *site, *country;
	char path[24], plan[8], step[8]; /* the last two: tags */
};

#define PICK(random, list) (list)[random_below(random, sizeof(list) / sizeof *(list))]

static inline struct model_row
model_random_row(struct random *random, uint64_t view, uint32_t weight_max)
{
	static const char *const sites[] = {"shop", "blog", "docs"};
	static const char *const countries[] = {"", "DE", "FR", "US", "Éire"};
	static const char *const plans[] = {"", "", "free", "pro"};
	static const uint32_t weights[] = {0, 1, 1, 2, 10, 100};
	struct model_row row = {
	    .view = view,
	    .ts = MODEL_BASE_MS + (int64_t)random_below(random, MODEL_PERIOD_MS),
	    .site = PICK(random, sites),
	    .country = PICK(random, countries),
	    .weight = PICK(random, weights),
	    .bytes = random_below(random, 9) == 0 ? UINT32_MAX - (uint32_t)random_below(random, 9)
						  : (uint32_t)random_below(random, 3000),
	    .errors = random_below(random, 4) == 0 ? (uint32_t)random_below(random, 5) : 0,
	    .save = (uint32_t)random_below(random, 2),
	    .has_save = random_below(random, 3) == 0,
	    .has_lcp = random_below(random, 5) != 0,
	    .has_cls = random_below(random, 2) != 0,
	};

	if (row.weight > weight_max)
		row.weight = weight_max;
	row.lcp = (double)(random_below(random, 300) * random_below(random, 300)) / 10;
	row.cls = (double)random_below(random, 9000) / 10000;
	row.ratio = ((double)random_below(random, 2000) - 1000) / 7;
	if (random_below(random, 6) != 0)
		snprintf(row.path, sizeof row.path, "/%s/%u",
			 random_below(random, 2) ? "product" : "Blog_50%",
			 (uint32_t)random_below(random, 40));
	strcpy(row.plan, PICK(random, plans));
	if (random_below(random, 8) == 0)
		snprintf(row.step, sizeof row.step, "%u", (uint32_t)random_below(random, 12));
	return row;
}

static inline struct store_str
model_str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

struct model_entry {
	struct model_row copy; /* the cells borrow its texts */
	struct store_cell cells[MODEL_COLUMNS + 1];
	struct store_pair tags[2];
	struct store_row row;
	struct store_entry entry;
};

static inline struct store_cell *
model_cell(struct model_entry *out, uint16_t column)
{
	struct store_cell *cell = &out->cells[out->row.cells_count++];

	*cell = (struct store_cell){.column = column};
	return cell;
}

static inline void
model_string_cell(struct model_entry *out, uint16_t column, const char *text)
{
	if (text[0] != '\0') /* absent and empty are the same */
		model_cell(out, column)->value.s = model_str(text);
}

static inline void
model_tag_cell(struct model_entry *out, struct store_pair *tag, const char *key, const char *text)
{
	if (text[0] == '\0')
		return;
	*tag = (struct store_pair){model_str(key), model_str(text)};
	model_cell(out, TAGS)->value.pair = tag;
}

static inline void
model_build(struct model_entry *out, const struct model_row *given, uint8_t version)
{
	const struct model_row *row = &out->copy;

	memset(out, 0, sizeof *out);
	out->copy = *given;
	model_cell(out, TS)->value.i = row->ts;
	model_string_cell(out, SITE, row->site);
	model_cell(out, VIEW)->value.u = row->view;
	if (row->weight != 0)
		model_cell(out, WEIGHT)->value.u = row->weight;
	if (row->has_lcp)
		model_cell(out, LCP)->value.f = row->lcp;
	if (row->has_cls)
		model_cell(out, CLS)->value.f = row->cls;
	model_cell(out, RATIO)->value.f = row->ratio;
	model_string_cell(out, COUNTRY, row->country);
	model_string_cell(out, PATH, row->path);
	model_cell(out, BYTES)->value.u = row->bytes;
	if (row->has_save)
		model_cell(out, SAVE)->value.u = row->save;
	if (row->errors != 0)
		model_cell(out, ERRORS)->value.u = row->errors;
	model_tag_cell(out, &out->tags[0], "plan", row->plan);
	model_tag_cell(out, &out->tags[1], "step", row->step);
	out->row.cells = out->cells;
	out->entry = (struct store_entry){.keyed = true,
					  .version = version,
					  .sort = model_str(row->site),
					  .key = row->view,
					  .began_ms = row->ts,
					  .received_ms = MODEL_BASE_MS + MODEL_PERIOD_MS,
					  .rows = &out->row,
					  .rows_count = 1};
}

/* Appends wait until a group of them is full: one sync for all. */
struct model_group {
	struct store *store;
	struct model_entry built[64];
	struct store_commit commits[64];
	uint32_t count;
};

static inline void
model_append_group(struct model_group *group)
{
	struct store_error error = {0};

	if (store_append(group->store, group->commits, group->count, &error) != 0)
		fail_msg("store_append: %s", error.text);
	for (uint32_t i = 0; i < group->count; i++) {
		assert_int_equal(group->commits[i].result, 0);
		assert_int_equal(group->built[i].entry.outcome, STORE_STORED);
	}
	group->count = 0;
}

static inline void
model_append(struct model_group *group, const struct model_row *row, uint8_t version)
{
	struct model_entry *built = &group->built[group->count];

	model_build(built, row, version);
	group->commits[group->count++] =
	    (struct store_commit){.entries = &built->entry, .entries_count = 1};
	if (group->count == 64)
		model_append_group(group);
}

/* rows[count], and the same in the store; the last fifth stays in memory. */
static inline void
model_fill(struct store *store, struct random *random, struct model_row *rows, uint32_t count,
	   uint32_t weight_max)
{
	static struct model_group group;

	group.store = store;
	for (uint32_t i = 0; i < count; i++) {
		struct model_row *row = &rows[i], later;

		*row = model_random_row(random, i + 1, weight_max);
		model_append(&group, row, 0);
		if (random_below(random, 4) == 0) {
			later = model_random_row(random, i + 1, weight_max);
			later.ts = row->ts;
			later.site = row->site;
			model_append(&group, &later, 1);
			later.errors += row->errors; /* a sum over all versions */
			*row = later;
		}
		if (i == count / 2 || i == count * 4 / 5) {
			model_append_group(&group);
			assert_int_equal(store_flush(store, NULL), 0);
		}
	}
	model_append_group(&group);
}

#endif
