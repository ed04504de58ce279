/*
 * rows.h. Sites, paths and countries by Zipf's law; regions and networks lie
 * within countries; releases follow one another; sessions of a few views about
 * a minute apart; day and week rhythm; arrival a log-normal delay after the
 * view; metrics log-normal with medians by country, device, path and release.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "server/random.h"

#define DAYS 28
#define DAY_MS 86400000LL
#define BEGIN_MS 1769904000000LL /* 2026-02-01 */
#define COUNTRIES 200
#define PATHS 5000

const char *const rows_sites[10] = {"shop", "blog",  "docs", "app",     "news",
				    "help", "forum", "jobs", "careers", "status"};
const char *const rows_devices[3] = {"mobile", "desktop", "tablet"};
const char *const rows_browsers[8] = {"Chrome",  "Safari", "Edge",    "Firefox",
				      "Samsung", "Opera",  "Vivaldi", "Brave"};
const char *const rows_systems[6] = {"Android", "iOS", "Windows", "macOS", "Linux", "ChromeOS"};
const char *const rows_connections[5] = {"4g", "3g", "", "2g", "slow-2g"};
const char *const rows_navs[5] = {"navigate", "reload", "back_forward", "back_forward_cache",
				  "prerender"};
const char *const rows_metrics[ROWS_METRICS] = {
    "dns",  "tcp", "tls", "ttfb", "download", "dom_interactive", "dom_content_loaded",
    "load", "fcp", "lcp", "inp",  "cls"};

void
rows_path(uint32_t path, char *out)
{
	static const char *const sections[] = {"product", "category", "article", "guide",
					       "account", "search",   "help",    "checkout"};

	snprintf(out, 64, "/%s/page-%u", sections[path % 8], path);
}

void
rows_country(uint32_t country, char *out)
{
	snprintf(out, 64, "%c%c", 'A' + (int)(country / 14), 'A' + (int)(country % 14));
}

void
rows_region(uint32_t region, char *out)
{
	snprintf(out, 64, "Region %u", region);
}

/* A visitor: what is the same for all views of a session. */
static void
draw_visitor(struct random *random, struct rows_record *record)
{
	uint32_t device = random_below(random, 100);

	record->session = random_next(random);
	record->country = (uint8_t)random_zipf(random, COUNTRIES);
	record->region = (uint16_t)((record->country * 15u + random_zipf(random, 15)) % 1500);
	record->asn = (uint16_t)((record->country * 30u + random_zipf(random, 30)) % 3000);
	record->device = device < 60 ? 0 : device < 95 ? 1 : 2;
	record->browser = (uint8_t)random_zipf(random, 8);
	record->version = (uint8_t)random_zipf(random, 30);
	record->os =
	    (uint8_t)(record->device == 1 ? 2 + random_zipf(random, 4) : random_zipf(random, 2));
	record->connection =
	    (uint8_t)(record->device == 0 ? random_zipf(random, 5) : random_zipf(random, 3));
	record->site = (uint8_t)random_zipf(random, 10);
	record->weight =
	    (uint16_t)pow(10, random_below(random, 100) < 80 ? 0 : 1 + random_below(random, 3));
}

static uint32_t
tenths(double value)
{
	return value > 4e8 ? 4000000000u : (uint32_t)(value * 10 + 0.5);
}

static void
draw_metrics(struct random *random, struct rows_record *record)
{
	static const double devices[] = {1.35, 0.85, 1.1};
	double slow = devices[record->device] * (0.7 + (record->country * 37 % 100) / 100.0);
	double page = 0.8 + (record->path * 7 % 10) / 25.0 + record->release * 0.005;
	double ttfb = random_log_normal(random, 260 * slow, 0.55);
	double fcp = ttfb + random_log_normal(random, 620 * slow * page, 0.45);
	double lcp = fcp + random_log_normal(random, 640 * slow * page, 0.7);
	double load = lcp + random_log_normal(random, 500 * slow, 0.6);
	uint32_t *out = record->metrics;

	out[0] =
	    random_below(random, 3) == 0 ? 0 : tenths(random_log_normal(random, 18 * slow, 0.8));
	out[1] = tenths(random_log_normal(random, 35 * slow, 0.6));
	out[2] = tenths(random_log_normal(random, 30 * slow, 0.6));
	out[3] = tenths(ttfb);
	out[4] = tenths(random_log_normal(random, 80 * slow, 0.9));
	out[5] = tenths(fcp + random_log_normal(random, 90 * slow, 0.6));
	out[6] = out[5] + tenths(random_log_normal(random, 40, 0.7));
	out[7] = random_below(random, 100) < 4 ? ROWS_NULL : tenths(load);
	out[8] = random_below(random, 100) < 2 ? ROWS_NULL : tenths(fcp);
	out[9] = random_below(random, 100) < 3 ? ROWS_NULL : tenths(lcp);
	out[10] = random_below(random, 100) < 35
		      ? ROWS_NULL
		      : 80 * (uint32_t)ceil(
				 random_log_normal(random, 72 * devices[record->device], 0.7) / 8);
	out[11] = random_below(random, 100) < 5 ? ROWS_NULL
		  : random_below(random, 100) < 40
		      ? 0
		      : (uint32_t)(random_log_normal(random, 0.035, 1.1) * 10000);
}

struct arrival {
	int64_t at;
	struct rows_record record;
};

static int
compare(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->record.view > y->record.view) - (x->record.view < y->record.view);
}

static double
rate_at(int64_t ms)
{
	int64_t day = ms / DAY_MS;
	double hour = (double)(ms % DAY_MS) / 3600000;

	return (0.55 - 0.4 * cos((hour - 4) / 24 * 6.283185307179586)) *
	       ((day + 3) % 7 >= 5 ? 0.7 : 1);
}

/* The views of the minutes [first, first + minutes) in order of arrival. */
static int
write_slice(struct arrival *slice, size_t count, FILE *out)
{
	qsort(slice, count, sizeof *slice, compare);
	for (size_t i = 0; i < count; i++) {
		if (fwrite(&slice[i].record, sizeof slice[i].record, 1, out) != 1)
			return -1;
	}
	return 0;
}

/* An hour's share of the rows, by the rhythm. */
static uint64_t
rows_until(uint32_t hour, uint64_t count)
{
	double all = 0, until = 0;

	for (uint32_t i = 0; i < DAYS * 24; i++) {
		double rate = rate_at(BEGIN_MS + i * 3600000LL);

		all += rate;
		until += i < hour ? rate : 0;
	}
	return (uint64_t)((double)count * until / all);
}

int
rows_generate(uint64_t count, uint64_t seed, FILE *out)
{
	struct random random = {seed};

	for (uint32_t hour = 0; hour < DAYS * 24; hour++) {
		uint64_t from = rows_until(hour, count);
		uint64_t to = hour + 1 == DAYS * 24 ? count : rows_until(hour + 1, count);
		struct arrival *slice = calloc(to - from + 1, sizeof *slice);
		size_t made = 0;
		int result;

		if (slice == NULL)
			return -1;
		while (made < to - from) {
			struct rows_record visitor = {0};
			int64_t at =
			    BEGIN_MS + hour * 3600000LL + (int64_t)random_below(&random, 3600000);
			uint32_t views = 1 + (uint32_t)random_log_normal(&random, 1.8, 0.8);

			draw_visitor(&random, &visitor);
			for (; views > 0 && made < to - from; views--) {
				struct arrival *arrival = &slice[made++];

				arrival->record = visitor;
				arrival->record.ts = at;
				arrival->record.view = random_next(&random);
				arrival->record.path = (uint16_t)random_zipf(&random, PATHS);
				arrival->record.release = (uint8_t)(hour * 20 / (DAYS * 24));
				arrival->record.nav = (uint8_t)(random_below(&random, 10) < 7
								    ? 0
								    : random_below(&random, 5));
				draw_metrics(&random, &arrival->record);
				arrival->at = at + (int64_t)random_log_normal(&random, 4000, 0.6);
				at += (int64_t)random_log_normal(&random, 60000, 0.8);
			}
		}
		result = write_slice(slice, made, out);
		free(slice);
		if (result != 0)
			return -1;
	}
	return 0;
}

void
rows_csv(const struct rows_record *record, FILE *out)
{
	char path[64], country[64], region[64];

	rows_path(record->path, path);
	rows_country(record->country, country);
	rows_region(record->region, region);
	fprintf(out, "%lld,%s,%s,%s,%s,%u,%s,%s,%u,%s,%s,1.%u.0,%llu,%llu,%s",
		(long long)record->ts, rows_sites[record->site], path, country, region, record->asn,
		rows_devices[record->device], rows_browsers[record->browser],
		record->version + 110u, rows_systems[record->os],
		rows_connections[record->connection], record->release,
		(unsigned long long)record->session, (unsigned long long)record->view,
		rows_navs[record->nav]);
	for (int i = 0; i < ROWS_METRICS; i++) {
		if (record->metrics[i] == ROWS_NULL)
			fputc(',', out);
		else
			fprintf(out, ",%u", record->metrics[i]);
	}
	fprintf(out, ",%u\n", record->weight);
}
