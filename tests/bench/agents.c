/*
 * What a User-Agent costs that was never seen before: those of browsers, apps
 * and bots with versions and models of their own; the same for a client that
 * tries to make it cost much. Prints one JSON object: CPU time in us, on
 * patterns that are compiled already (the first pass compiles them).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/useragent.h"
#include "server/useragent_table.h"

#define EACH 500u
#define NO_HINT ((struct store_str){NULL, 0})

/* %u: a version, %c%c and %u: a model. */
static const char *const browsers[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/%u.0.%u.%u Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/%u.0.%u.0 Safari/537.36 Edg/%u.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/%u.%u.%u Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS %u_%u_%u like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android %u; SM-G%u) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/%u.0 Chrome/121.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:%u.0) Gecko/2010%u Firefox/%u.0",
    "Mozilla/5.0 (Linux; Android %u; Pixel %u Build/UP1A.%u; wv) AppleWebKit/537.36 (KHTML, like "
    "Gecko) Version/4.0 Chrome/119.0.6045.66 Mobile Safari/537.36 "
    "[FB_IAB/FB4A;FBAV/441.0.0.31.112;]",
    "Mozilla/5.0 (iPad; CPU OS %u_%u like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/%u.0.6367.68 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.%u; +http://www.google.com/bot.html; %u-%u)",
    "curl/%u.%u.%u",
    "Mozilla/5.0 (X11; CrOS x86_64 %u.%u.0) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/%u.0.0.0 Safari/537.36",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen %u.%u) AppleWebKit/538.1 (KHTML, like Gecko) "
    "Version/%u.0 TV Safari/538.1",
};
#define BROWSERS_COUNT (sizeof browsers / sizeof *browsers)

struct figures {
	double mean, p99, max;
};

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static double
parse(struct useragent_parser *parser, const char *text, size_t size)
{
	struct useragent found;
	double began = now_us();

	useragent_parse(parser, (struct store_str){text, (uint32_t)size}, NO_HINT, NO_HINT, &found);
	return now_us() - began;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct figures
sum_up(double *times, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += times[i];
	qsort(times, count, sizeof *times, compare);
	return (struct figures){sum / (double)count, times[count * 99 / 100], times[count - 1]};
}

static void
print(const char *name, struct figures figures, const char *end)
{
	printf("\"%s\":{\"mean\":%.1f,\"p99\":%.1f,\"max\":%.1f}%s", name, figures.mean,
	       figures.p99, figures.max, end);
}

/* Words that every pattern looks for, so that many are tried, and beginnings
 * that are nearly a match, again and again. */
static size_t
make_hostile(char *text, size_t text_max, unsigned number)
{
	static const char *const parts[] = {"Android 1; ", "(Linux; ",    "Mobile ",  "Opera/9.80 ",
					    "a a a a ",    "AppleWebKit", " Build/",  "Safari/",
					    "compatible ", "bot;",        "Version/", "/1.1.1.1"};
	size_t size = 0;
	unsigned seed = number * 2654435761u;

	while (size + 40 < text_max) {
		const char *part = parts[seed % 12];

		seed = seed * 1103515245u + 12345u;
		if (seed >> 28 < 6) {
			part =
			    useragent_table_browsers[(seed >> 8) % useragent_table_browsers_count]
				.literal;
		} else if (seed >> 28 < 10) {
			part = useragent_table_devices[(seed >> 8) % useragent_table_devices_count]
				   .literal;
		}
		size += (size_t)snprintf(text + size, text_max - size, "%.30s", part);
	}
	return size;
}

int
main(void)
{
	struct useragent_parser *parser = useragent_open();
	static double times[BROWSERS_COUNT * EACH];
	struct figures first, seen, fresh, hostile;
	char text[600];

	if (parser == NULL)
		return 1;
	for (unsigned pass = 0; pass < EACH + 2; pass++) {
		for (size_t i = 0; i < BROWSERS_COUNT; i++) {
			/* The list has twelve, each with three numbers. */
			int size = snprintf(text, sizeof text, browsers[i], 8 + pass % 130,
					    pass / 3, pass + 1000);
			double taken = parse(parser, text, (size_t)size);

			times[pass < 2 ? i : (pass - 2) * BROWSERS_COUNT + i] = taken;
		}
		if (pass == 0)
			first = sum_up(times, BROWSERS_COUNT);
	}
	fresh = sum_up(times, BROWSERS_COUNT * EACH);
	for (unsigned i = 0; i < EACH; i++)
		times[i] = parse(parser, "curl/8.1.1", 10);
	seen = sum_up(times, EACH);
	for (unsigned i = 0; i < 3 * EACH; i++) {
		double taken = parse(parser, text, make_hostile(text, 513, i));

		if (i >= EACH)
			times[i - EACH] = taken;
	}
	hostile = sum_up(times, 2 * EACH);
	printf("{");
	print("first", first, ",");
	print("seen", seen, ",");
	print("fresh", fresh, ",");
	print("hostile", hostile, "}\n");
	useragent_close(parser);
	return 0;
}
