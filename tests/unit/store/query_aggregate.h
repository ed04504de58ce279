/* Aggregate functions over a list of rows, the plain way: the weights of the
 * rows are applied as if each row were there so many times. */
#ifndef QUERY_AGGREGATE_H
#define QUERY_AGGREGATE_H

#include "query_generate.h"

#include "store/sketch.h"

enum aggregate { COUNT, SUM, AVG, MIN, MAX, QUANTILE, QUANTILES, UNIQ, SHARE, AGGREGATES };

/* A column of the result: an aggregate, or an expression over rows. */
struct item {
	bool is_aggregate, nullable;
	enum aggregate aggregate;
	enum kind kind;
	struct node *argument, *condition; /* or NULL */
	double levels[2];
	uint32_t weight; /* of each row, besides its own: QUANTILE that is exact by name; or 0 */
	char text[2600];
};

struct cell {
	struct value value;
	double list[2]; /* of QUANTILES */
	double error;   /* how far off the engine's FLOAT may be */
};

struct group {
	const struct model_row **rows;
	uint32_t rows_count;
	bool weighted;
};

/* What counts of one row: its value and its weight. */
struct sample {
	struct value value;
	uint64_t weight;
};

static inline int
compare_samples(const void *a, const void *b)
{
	double x = ((const struct sample *)a)->value.f, y = ((const struct sample *)b)->value.f;

	return (x > y) - (x < y);
}

static inline uint32_t
collect_samples(const struct item *item, const struct group *group, struct sample *out)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < group->rows_count; i++) {
		const struct model_row *row = group->rows[i];
		struct sample sample = {.weight =
					    group->weighted && row->weight > 0 ? row->weight : 1};

		if (item->condition != NULL) {
			struct value condition = evaluate(item->condition, row);

			if (condition.null || condition.i == 0)
				continue;
		}
		if (item->argument != NULL)
			sample.value = evaluate(item->argument, row);
		if (!sample.value.null)
			out[count++] = sample;
	}
	return count;
}

/* quantileExactWeightedInterpolated; NaN does not count. */
static inline double
quantile_of(const struct sample *sorted, uint32_t count, double level, double *error, bool sketched)
{
	uint64_t total = 0, before = 0;
	double position, part, values[2] = {NAN, NAN};

	for (uint32_t i = 0; i < count; i++)
		total += sorted[i].weight;
	if (count == 0)
		return NAN;
	position = level * (double)(total - 1);
	part = position - floor(position);
	for (uint32_t i = 0; i < count; i++) {
		for (int k = 0; k < 2; k++) {
			uint64_t rank = (uint64_t)position + (k == 1 && part > 0);

			if (rank >= before && rank < before + sorted[i].weight)
				values[k] = sorted[i].value.f;
		}
		before += sorted[i].weight;
	}
	*error =
	    (sketched ? 0.004 : 1e-12) * (fabs(values[0]) * (1 - part) + fabs(values[1]) * part);
	return values[0] == values[1] ? values[0] : values[0] * (1 - part) + values[1] * part;
}

static inline void
aggregate_quantiles(const struct item *item, struct sample *samples, uint32_t count,
		    struct cell *out)
{
	uint32_t numbers = 0;
	bool sketched;

	for (uint32_t i = 0; i < count; i++) {
		samples[numbers] = samples[i];
		samples[numbers].weight *= item->weight == 0 ? 1 : item->weight;
		samples[numbers].value.f = value_number(item->argument->kind, &samples[i].value);
		numbers += isnan(samples[numbers].value.f) ? 0 : 1;
	}
	sketched = numbers > SKETCH_EXACT_MAX && item->argument->is_stored && item->weight == 0;
	if (numbers > 0)
		qsort(samples, numbers, sizeof *samples, compare_samples);
	for (int i = 0; i < 2; i++) {
		double error = 0;

		out->list[i] = quantile_of(samples, numbers, item->levels[i], &error, sketched);
		out->error = error > out->error ? error : out->error;
	}
	out->value.f = out->list[0];
}

static inline void
aggregate_extreme(const struct item *item, const struct sample *samples, uint32_t count,
		  struct cell *out)
{
	enum kind kind = item->kind;

	for (uint32_t i = 0; i < count; i++) {
		const struct value *value = &samples[i].value;
		int order = i == 0 ? 0 : value_compare(kind, value, kind, &out->value);
		bool is_nan = kind == FLOAT && isnan(out->value.f);

		if (i == 0 || is_nan || (order != 2 && order == (item->aggregate == MAX ? 1 : -1)))
			out->value = *value;
	}
}

static inline int
compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The value as a text that no other value has. */
static inline void
value_text(enum kind kind, const struct value *value, char out[72])
{
	if (value->null)
		snprintf(out, 72, "N");
	else if (kind == STRING)
		snprintf(out, 72, "s%s", value->s);
	else if (kind == FLOAT)
		snprintf(out, 72, "f%a", value->f);
	else
		snprintf(out, 72, "i%lld", (long long)value->i);
}

static inline void
aggregate_uniq(const struct item *item, const struct sample *samples, uint32_t count,
	       struct cell *out)
{
	char(*texts)[72] = malloc((count + 1u) * sizeof *texts);

	assert_non_null(texts);
	for (uint32_t i = 0; i < count; i++)
		value_text(item->argument->kind, &samples[i].value, texts[i]);
	qsort(texts, count, sizeof *texts, compare_texts);
	for (uint32_t i = 0; i < count; i++)
		out->value.i += i == 0 || strcmp(texts[i], texts[i - 1]) != 0;
	free(texts);
}

static inline void
aggregate_sum(const struct item *item, const struct sample *samples, uint32_t count,
	      uint64_t weight, struct cell *out)
{
	double sum = 0, size = 0;
	uint64_t integer = 0;

	for (uint32_t i = 0; i < count; i++) {
		double x = value_number(item->argument->kind, &samples[i].value);

		integer += (uint64_t)samples[i].value.i * samples[i].weight;
		sum += x * (double)samples[i].weight;
		size += fabs(x) * (double)samples[i].weight;
	}
	out->value.i = (int64_t)integer;
	out->value.f = item->aggregate == AVG ? sum / (double)weight : sum;
	out->error = 1e-12 * (item->aggregate == AVG ? size / (double)weight : size);
}

static inline struct cell
aggregate_value(const struct item *item, const struct group *group)
{
	struct sample *samples = malloc((group->rows_count + 1u) * sizeof *samples);
	uint32_t count;
	uint64_t weight = 0, all = 0;
	struct cell out = {0};

	assert_non_null(samples);
	count = collect_samples(item, group, samples);
	for (uint32_t i = 0; i < count; i++)
		weight += samples[i].weight;
	for (uint32_t i = 0; i < group->rows_count; i++)
		all += group->weighted && group->rows[i]->weight > 0 ? group->rows[i]->weight : 1;
	if (item->aggregate == COUNT) {
		out.value.i = (int64_t)weight;
	} else if (item->aggregate == SHARE) {
		out.value.f = (double)weight / (double)all;
		out.error = 1e-12;
	} else if (item->aggregate == UNIQ) {
		aggregate_uniq(item, samples, count, &out);
	} else if (item->aggregate == MIN || item->aggregate == MAX) {
		aggregate_extreme(item, samples, count, &out);
	} else if (item->aggregate == QUANTILE || item->aggregate == QUANTILES) {
		aggregate_quantiles(item, samples, count, &out);
	} else {
		aggregate_sum(item, samples, count, weight, &out);
	}
	out.value.null = item->nullable && count == 0;
	free(samples);
	return out;
}

/* ---- random ones ----------------------------------------------------- */

static inline struct node *
random_argument(struct nodes *nodes, enum aggregate aggregate)
{
	bool any_kind =
	    aggregate == MIN || aggregate == MAX || aggregate == UNIQ || aggregate == COUNT;
	uint64_t choice = random_below(&nodes->random, 4);

	if (any_kind && choice == 0)
		return random_string(nodes);
	if (any_kind && choice == 1)
		return random_below(&nodes->random, 2) ? random_time(nodes)
						       : column_node(nodes, TS);
	if (aggregate == UNIQ || choice == 2)
		return number_column(nodes);
	return random_number(nodes, 2);
}

/* Its name and levels, and in `more` what comes between argument and condition. */
static inline void
print_name(struct nodes *nodes, struct item *item, char name[64], char more[16])
{
	static const char *const names[] = {"count", "sum",      "avg",       "min",
					    "max",   "quantile", "quantiles", "uniq"};
	static const double levels[] = {0, 0.25, 0.5, 0.75, 0.9, 0.99, 1};
	const char *suffix = item->condition == NULL ? "" : "If";
	uint64_t choice = random_below(&nodes->random, 4);

	item->levels[0] = PICK(&nodes->random, levels);
	item->levels[1] = PICK(&nodes->random, levels);
	if (item->aggregate == QUANTILES) {
		snprintf(name, 64, "quantiles%s(%g, %g)", suffix, item->levels[0], item->levels[1]);
	} else if (item->aggregate == QUANTILE && choice == 0) {
		item->levels[0] = 0.5;
		snprintf(name, 64, "median%s", suffix);
	} else if (item->aggregate == QUANTILE && choice == 1) {
		item->weight = 1 + (uint32_t)random_below(&nodes->random, 3);
		snprintf(name, 64, "quantileExactWeightedInterpolated%s(%g)", suffix,
			 item->levels[0]);
		snprintf(more, 16, ", %u", item->weight);
	} else if (item->aggregate == QUANTILE) {
		snprintf(name, 64, "quantile%s(%g)", suffix, item->levels[0]);
	} else {
		snprintf(name, 64, "%s%s", names[item->aggregate], suffix);
	}
}

static inline void
print_item(struct nodes *nodes, struct item *item)
{
	const char *comma = item->argument != NULL && item->condition != NULL ? ", " : "";
	char name[64], more[16] = "";

	if (item->aggregate == SHARE) {
		snprintf(item->text, sizeof item->text, "countIf(%s) / count()",
			 item->condition->text);
		return;
	}
	print_name(nodes, item, name, more);
	snprintf(item->text, sizeof item->text, "%s(%s%s%s%s)", name,
		 item->argument == NULL ? "" : item->argument->text, more, comma,
		 item->condition == NULL ? "" : item->condition->text);
}

static inline void
random_aggregate(struct nodes *nodes, struct item *item)
{
	enum aggregate aggregate = (enum aggregate)random_below(&nodes->random, AGGREGATES);

	*item = (struct item){.is_aggregate = true, .aggregate = aggregate, .kind = INTEGER};
	if (aggregate == SHARE || random_below(&nodes->random, 3) == 0)
		item->condition = random_condition(nodes, 2);
	if (aggregate != SHARE && (aggregate != COUNT || random_below(&nodes->random, 2)))
		item->argument = random_argument(nodes, aggregate);
	if (aggregate == MIN || aggregate == MAX || aggregate == SUM)
		item->kind = item->argument->kind;
	else if (aggregate != COUNT && aggregate != UNIQ)
		item->kind = FLOAT;
	item->nullable = item->argument != NULL && item->argument->nullable && aggregate != COUNT &&
			 aggregate != UNIQ && aggregate != QUANTILES;
	print_item(nodes, item);
}

#endif
