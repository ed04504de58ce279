/*
 * drum generate: realistic traffic, the same for the same arguments. Visitors
 * come from real address blocks of their countries with real User-Agents;
 * metrics are log-normal around medians of country, device and page.
 *
 * A week and more of it has a story to find: the shop's release of three days
 * before the end put a carousel of large images on the category pages. They
 * are slow since then, most of all on mobiles in India, and some throw.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "random.h"

#define LINE_BYTES_MAX 2048u
#define PATHS_COUNT 40u
#define UPDATED_PERCENT 20u
#define DAY_MS 86400000
#define STORY_DAYS 3
#define STORY_DAYS_MIN 7

/* A /16 of each country's providers, most traffic first; `slow` is how much
 * slower its network makes a page. */
static const struct {
	const char *prefix;
	double slow;
} networks[] = {
    {"73.15", 1.0},   {"24.6", 1.0},    {"98.207", 1.0},  {"91.64", 0.95},  {"84.150", 0.95},
    {"86.150", 1.0},  {"81.96", 1.0},   {"90.3", 0.95},   {"82.64", 0.95},  {"106.51", 1.9},
    {"117.192", 1.9}, {"177.32", 1.7},  {"189.5", 1.7},   {"126.5", 0.8},   {"203.140", 0.8},
    {"79.10", 1.2},   {"93.40", 1.2},   {"83.50", 1.1},   {"88.1", 1.1},    {"84.25", 0.9},
    {"145.53", 0.85}, {"62.163", 0.85}, {"99.224", 1.0},  {"70.48", 1.0},   {"101.160", 1.2},
    {"58.160", 1.2},  {"183.96", 0.8},  {"211.200", 0.8}, {"83.8", 1.1},    {"89.64", 1.1},
    {"187.190", 1.6}, {"201.140", 1.6}, {"36.70", 2.1},   {"180.244", 2.1}, {"94.54", 1.4},
    {"78.160", 1.4},  {"41.0", 2.3},    {"102.130", 2.2}, {"197.210", 2.6}, {"190.16", 1.7},
    {"181.44", 1.7},  {"213.67", 0.8},  {"85.224", 0.8},  {"84.208", 0.8},  {"80.162", 0.85},
    {"84.248", 0.85}, {"178.190", 1.0}, {"85.0", 0.9},    {"81.240", 0.95}, {"85.240", 1.1},
    {"79.166", 1.3},  {"86.40", 1.0},   {"86.120", 1.1},  {"89.132", 1.1},  {"90.176", 1.0},
    {"31.128", 1.5},  {"95.24", 1.3},   {"113.160", 1.8}, {"110.54", 2.2},  {"171.96", 1.6},
    {"175.136", 1.4}, {"116.86", 0.9},  {"118.160", 0.9}, {"122.56", 1.2},  {"79.176", 1.1},
    {"94.200", 1.2},  {"156.200", 2.4}, {"105.160", 2.3}, {"190.40", 1.8},  {"186.80", 1.7}};

#define NETWORKS_COUNT (sizeof networks / sizeof *networks)

enum device { MOBILE, DESKTOP, TABLET };

static const struct {
	enum device device;
	uint32_t weight; /* of 100 */
	const char *text;
	uint32_t width, height;
} agents[] = {
    {MOBILE, 16,
     "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
     "Mobile Safari/537.36",
     412, 915},
    {MOBILE, 8,
     "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
     "Mobile Safari/537.36",
     360, 800},
    {MOBILE, 6,
     "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
     384, 824},
    {MOBILE, 18,
     "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
     390, 844},
    {MOBILE, 6,
     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
     375, 667},
    {MOBILE, 3,
     "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1",
     393, 852},
    {MOBILE, 3, "Mozilla/5.0 (Android 14; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", 412, 892},
    {DESKTOP, 12,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/141.0.0.0 Safari/537.36",
     1920, 1080},
    {DESKTOP, 5,
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
     1536, 864},
    {DESKTOP, 4, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
     1680, 1050},
    {DESKTOP, 6,
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/141.0.0.0 Safari/537.36",
     1440, 900},
    {DESKTOP, 5,
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/18.6 Safari/605.1.15",
     1512, 982},
    {DESKTOP, 3,
     "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
     "Safari/537.36",
     1920, 1080},
    {TABLET, 3,
     "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/18.6 Mobile/15E148 Safari/604.1",
     820, 1180},
    {TABLET, 2,
     "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/141.0.0.0 Safari/537.36",
     800, 1280}};

#define AGENTS_COUNT (sizeof agents / sizeof *agents)

/* India's, of the networks above. */
#define NETWORK_INDIA_FIRST 9u
#define NETWORK_INDIA_LAST 10u

static const char *const sites[] = {"shop", "blog", "docs", "app"};

#define SITE_SHOP 0u

/* Of each kind of page: what its LCP is (a text has no file), what is clicked
 * in it, what shifts. The last is the front page. */
static const struct section {
	const char *name, *lcp_element, *lcp_file, *inp_target, *cls_element;
} sections[] = {{"product", "#gallery>img", "gallery.avif", "#buy", "#reviews"},
		{"category", "#grid>a>img", "tile.webp", "#filters>button", "#grid"},
		{"article", "article>figure>img", "cover.webp", "#more", "#ads>iframe"},
		{"guide", "main>h1", NULL, "#contents>a", "#ads>iframe"},
		{"account", "#greeting", NULL, "#save", "#notice"},
		{"search", "#results>li>p", NULL, "#query", "#results"},
		{"checkout", "#summary", NULL, "#pay", "#vouchers"},
		{"help", "main>p", NULL, "#contact", "footer"},
		{"", "#hero>img", "hero.avif", "#menu", "#banner"}};

#define SECTION_CATEGORY 1u
#define SECTION_FRONT 8u

static const struct section carousel = {"category", "#carousel>img", "carousel/slide-1.png",
					"#carousel>button", "#carousel"};

/* One beacon's time of arrival and what it is drawn from. */
struct planned {
	int64_t arrival_ms, began_ms;
	uint64_t seed; /* of the view: the same for its update */
	uint8_t seq;
};

static int
compare_planned(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;

	if (x->arrival_ms != y->arrival_ms)
		return x->arrival_ms < y->arrival_ms ? -1 : 1;
	return (x->seed > y->seed) - (x->seed < y->seed);
}

/* A moment before the end: more by day than by night, fewer at the weekend;
 * drawn by rejection. Which side of the story's release it is on is drawn before,
 * so that the clock has no say in how many views tell the story. */
static int64_t
draw_time(struct random *random, const struct generate_options *options)
{
	bool has_story = options->days >= STORY_DAYS_MIN;
	bool told = has_story && random_uniform(random) * options->days < STORY_DAYS;
	double from = has_story && !told ? STORY_DAYS : 0, to = told ? STORY_DAYS : options->days;

	for (;;) {
		double age_days = from + random_uniform(random) * (to - from);
		int64_t at = options->end_ms - (int64_t)(age_days * DAY_MS);
		int64_t day = at / 86400000, weekday = (day + 3) % 7; /* 0: Monday */
		double hour = (double)(at % 86400000) / 3600000;
		double rate = (0.55 - 0.4 * cos((hour - 4) / 24 * 6.283185307179586)) *
			      (weekday >= 5 ? 0.7 : 1);

		if (random_uniform(random) < rate)
			return at;
	}
}

static uint32_t
draw_agent(struct random *random)
{
	uint32_t draw = random_below(random, 100), i = 0;

	for (; i + 1 < AGENTS_COUNT && draw >= agents[i].weight; i++)
		draw -= agents[i].weight;
	return i;
}

/* ---- one line -------------------------------------------------------- */

struct line {
	char bytes[LINE_BYTES_MAX];
	size_t size;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size =
	    vsnprintf(line->bytes + line->size, sizeof line->bytes - line->size, format, arguments);
	va_end(arguments);
	if (size > 0 && (size_t)size < sizeof line->bytes - line->size)
		line->size += (size_t)size;
}

struct view {
	uint32_t network, agent, site, path;
	double ttfb, fcp, lcp, inp, cls;
	double carousel_ms; /* part of the LCP */
	const struct section *section;
	bool has_inp, has_cls;
};

static struct view
draw_view(struct random *random)
{
	struct view view = {.network = random_zipf(random, NETWORKS_COUNT),
			    .agent = draw_agent(random),
			    .site = random_zipf(random, 4),
			    .path = random_zipf(random, PATHS_COUNT)};
	static const double device_factor[] = {1.35, 0.85, 1.1};
	double slow = networks[view.network].slow * device_factor[agents[view.agent].device];
	double page = 0.8 + 0.4 * (view.path * 7 % 10) / 10;

	view.ttfb = random_log_normal(random, 260 * slow, 0.55);
	view.fcp = view.ttfb + random_log_normal(random, 620 * slow * page, 0.45);
	view.lcp = view.fcp + random_log_normal(random, 640 * slow * page, 0.7);
	view.has_inp = random_uniform(random) >= 0.35;
	view.inp =
	    8 *
	    ceil(random_log_normal(random, 72 * device_factor[agents[view.agent].device], 0.7) / 8);
	view.has_cls = random_uniform(random) >= 0.05;
	view.cls = random_uniform(random) < 0.4 ? 0 : random_log_normal(random, 0.035, 1.1);
	view.section = &sections[view.path == 0 ? SECTION_FRONT : view.path % 8];
	return view;
}

/* The carousel, where the view has it. */
static void
add_story(struct view *view)
{
	bool india = view->network >= NETWORK_INDIA_FIRST && view->network <= NETWORK_INDIA_LAST;
	bool mobile = agents[view->agent].device == MOBILE;
	double slower = india ? (mobile ? 1.6 : 0.5) : mobile ? 0.3 : 0.1;

	if (view->site != SITE_SHOP || view->section != &sections[SECTION_CATEGORY])
		return;
	view->section = &carousel;
	view->carousel_ms = view->lcp * slower;
	view->lcp += view->carousel_ms;
}

static void
add_page(struct line *line, const struct view *view, struct random *random)
{
	const char *site = sites[view->site], *section = view->section->name;

	if (view->path == 0)
		add(line, "\"url\":\"https://%s.example/\"", site);
	else if (view->path % 8 < 2)
		add(line, "\"url\":\"https://%s.example/%s/%u?utm_source=news\"", site, section,
		    1000 + random_below(random, 9000));
	else
		add(line, "\"url\":\"https://%s.example/%s/%s-%u\"", site, section, section,
		    view->path);
	if (random_below(random, 100) < 45)
		add(line, ",\"referrer\":\"https://%s/\"",
		    random_below(random, 3) == 0 ? "news.example" : "search.example");
}

static void
add_lists(struct line *line, struct random *random, const struct view *view, int64_t began_ms)
{
	static const char *const messages[] = {"x is undefined", "Failed to fetch",
					       "Cannot read properties of null (reading 'id')"};

	if (view->carousel_ms > 0 && random_below(random, 100) < 8)
		add(line,
		    ",\"errors\":[{\"kind\":\"error\",\"type\":\"TypeError\",\"message\":\"Cannot "
		    "read "
		    "properties of undefined (reading 'slides')\","
		    "\"source\":\"https://shop.example/carousel.js\",\"line\":88,\"column\":31,"
		    "\"stack\":\"at Carousel.next (https://shop.example/carousel.js:88:31)\\nat "
		    "HTMLButtonElement.onclick (https://shop.example/carousel.js:12:5)\","
		    "\"t\":%lld,\"count\":1}]",
		    (long long)began_ms + 1900);
	else if (random_below(random, 100) < 3)
		add(line,
		    ",\"errors\":[{\"kind\":\"error\",\"type\":\"TypeError\",\"message\":\"%s\","
		    "\"source\":\"https://%s.example/app.js\",\"line\":%u,\"column\":14,"
		    "\"stack\":\"at render "
		    "(https://%s.example/app.js:%u:14)\",\"t\":%lld,\"count\":1}]",
		    messages[random_below(random, 3)], sites[view->site], 10 + view->path,
		    sites[view->site], 10 + view->path, (long long)began_ms + 700);
	if (random_below(random, 100) < 5)
		add(line,
		    ",\"events\":[{\"category\":\"business\",\"name\":\"checkout_complete\","
		    "\"value\":%.2f,\"t\":%lld}]",
		    random_log_normal(random, 40, 0.8), (long long)began_ms + 3000);
}

static void
add_metrics(struct line *line, const struct view *view, bool last, struct random *random)
{
	add(line,
	    ",\"timing\":{\"dns\":%.1f,\"tcp\":%.1f,\"tls\":%.1f,\"ttfb\":%.1f,\"download\":%.1f,"
	    "\"domInteractive\":%.1f,\"domContentLoaded\":%.1f,\"load\":%.1f,\"protocol\":\"%s\","
	    "\"bytes\":%u}",
	    view->ttfb * 0.08, view->ttfb * 0.15, view->ttfb * 0.12, view->ttfb, view->ttfb * 0.3,
	    view->fcp * 1.1, view->fcp * 1.15, view->lcp * 1.2,
	    random_below(random, 4) == 0 ? "h3" : "h2", 20000 + random_below(random, 80000));
	add(line, ",\"vitals\":{\"fcp\":%.1f,\"lcp\":%.1f", view->fcp, view->lcp);
	if (view->has_inp && last)
		add(line, ",\"inp\":%.0f", view->inp);
	if (view->has_cls)
		add(line, ",\"cls\":%.4f", last ? view->cls : view->cls / 2);
	add(line, "}");
}

/* What to blame. Draws of its own: the other values stay what they were. */
static void
add_why(struct line *line, const struct view *view, bool last, uint64_t seed)
{
	struct random random = {seed ^ 0x2127599bf4325c37};
	const struct section *section = view->section;
	double rest = view->lcp - view->ttfb - view->carousel_ms;
	double delay =
	    section->lcp_file == NULL ? 0 : rest * (0.3 + 0.15 * random_uniform(&random));
	double load = section->lcp_file == NULL
			  ? 0
			  : rest * (0.35 + 0.15 * random_uniform(&random)) + view->carousel_ms;
	double input = view->inp * 0.3 * random_uniform(&random);
	double presentation = view->inp * (0.15 + 0.2 * random_uniform(&random));
	bool foreign = random_below(&random, 100) < 30;

	add(line, ",\"why\":{\"lcp\":{\"element\":\"%s\",", section->lcp_element);
	if (section->lcp_file != NULL)
		add(line, "\"url\":\"https://%s.example/%s\",", sites[view->site],
		    section->lcp_file);
	add(line, "\"loadDelay\":%.1f,\"loadTime\":%.1f,\"renderDelay\":%.1f}", delay, load,
	    view->lcp - view->ttfb - delay - load);
	if (view->has_inp && last)
		add(line,
		    ",\"inp\":{\"target\":\"%s\",\"type\":\"%s\",\"inputDelay\":%.1f,"
		    "\"processing\":"
		    "%.1f,\"presentation\":%.1f,\"script\":\"https://%s.example/%s\"}",
		    section->inp_target, random_below(&random, 5) == 0 ? "keyboard" : "pointer",
		    input, view->inp - input - presentation, presentation,
		    foreign ? "tags" : sites[view->site], foreign ? "tag.js" : "app.js");
	if (view->has_cls && view->cls > 0)
		add(line, ",\"cls\":{\"element\":\"%s\"}",
		    random_below(&random, 4) == 0 ? "#cookies" : section->cls_element);
	add(line, "},\"blocking\":%.0f", view->inp * 2 * random_uniform(&random));
}

/* Whether the view has an update: by its seed, so that both lines agree. */
static bool
is_updated(uint64_t seed)
{
	struct random random = {seed ^ 0x5bd1e995};

	return random_below(&random, 100) < UPDATED_PERCENT;
}

/* Weekly, and the story's last one. */
static uint32_t
release(const struct planned *planned, const struct generate_options *options)
{
	int64_t age = (options->end_ms - planned->began_ms) / DAY_MS;

	return age < STORY_DAYS ? 8 : age < 52 ? 7 - (uint32_t)(age - STORY_DAYS) / 7 : 0;
}

static void
make_line(struct line *line, const struct planned *planned, const struct generate_options *options)
{
	static const char *const connections[] = {"4g", "4g", "4g", "4g", "3g"};
	struct random random = {planned->seed};
	struct view view = draw_view(&random);
	bool last = planned->seq > 0 || !is_updated(planned->seed);
	uint64_t id = random_next(&random), session = random_next(&random);
	uint32_t minor = release(planned, options);

	if (options->days >= STORY_DAYS_MIN && minor == 8)
		add_story(&view);
	line->size = 0;
	add(line,
	    "{\"v\":1,\"site\":\"%s\",\"view\":\"%016llx\",\"session\":\"%016llx\",\"seq\":%u,"
	    "\"t\":%lld,",
	    sites[view.site], (unsigned long long)id, (unsigned long long)session, planned->seq,
	    (long long)planned->began_ms);
	add_page(line, &view, &random);
	add(line, ",\"release\":\"1.%u.0\",\"env\":\"production\",\"nav\":\"%s\"", minor,
	    random_below(&random, 10) == 0 ? "reload" : "navigate");
	add(line, ",\"net\":{\"type\":\"%s\",\"rtt\":%u,\"downlink\":%u,\"save\":false}",
	    connections[random_below(&random, 5)], 50 * (1 + random_below(&random, 4)),
	    1 + random_below(&random, 10));
	add(line, ",\"dev\":{\"vw\":%u,\"vh\":%u,\"dpr\":%u,\"mem\":%u,\"cpu\":%u}",
	    agents[view.agent].width, agents[view.agent].height, 1 + random_below(&random, 3),
	    2u << random_below(&random, 3), 4u << random_below(&random, 2));
	add_metrics(line, &view, last, &random);
	add_why(line, &view, last, planned->seed);
	add(line, ",\"visible\":%.0f", last ? 8000 + view.lcp * 3 : view.lcp + 500);
	if (planned->seq == 0)
		add_lists(line, &random, &view, planned->began_ms);
	add(line, ",\"tags\":{\"plan\":\"%s\"}", session % 5 == 0 ? "pro" : "free");
	add(line, ",\"ip\":\"%s.%u.%u\",\"ua\":\"%s\"}\n", networks[view.network].prefix,
	    (unsigned)(session >> 8 & 255), (unsigned)(session & 255), agents[view.agent].text);
}

int
generate(const struct generate_options *options,
	 int (*write)(void *context, const char *bytes, size_t size), void *context)
{
	struct planned *planned = options->views_count > GENERATE_VIEWS_MAX
				      ? NULL
				      : malloc((options->views_count * 2 + 1) * sizeof *planned);
	struct line *line = malloc(sizeof *line);
	size_t count = 0;
	int result = planned == NULL || line == NULL ? -1 : 0;

	for (uint64_t i = 0; result == 0 && i < options->views_count; i++) {
		/* Each view draws from a stream of its own, its looks before its
		 * time: another --end moves the views and changes nothing else. */
		struct random random = {options->seed * 0x2545f4914f6cdd1d +
					i * 0xd1342543de82ef95 + 1};
		uint64_t seed = random_next(&random);
		int64_t began = draw_time(&random, options);
		int64_t arrival = began + (int64_t)random_log_normal(&random, 4000, 0.6);

		planned[count++] = (struct planned){arrival, began, seed, 0};
		if (is_updated(seed))
			planned[count++] = (struct planned){
			    arrival + (int64_t)random_log_normal(&random, 20000, 0.8), began, seed,
			    1};
	}
	if (result == 0)
		qsort(planned, count, sizeof *planned, compare_planned);
	for (size_t i = 0; result == 0 && i < count; i++) {
		make_line(line, &planned[i], options);
		result = write(context, line->bytes, line->size);
	}
	free(planned);
	free(line);
	return result;
}
