/*
 * Goal: what other agents send reaches the columns that it means, what they
 * send wrongly is left out, and what is no such beacon is refused.
 * Method: bodies as the agents write them, with the rows that must come of
 * them as text; the same with values of wrong types and out of range; bodies
 * that must be refused, with the words. (Any bytes at all: tests/fuzz.)
 */
#include "dump.h"

#include "server/decode.h"

static struct store_arena *arena;
static struct event_batch batch;
static struct event_error error;
static struct event_source source;

static int
setup(void **state)
{
	(void)state;
	arena = store_arena_create(0);
	source = (struct event_source){.query = beacon_str(""),
				       .url = beacon_str("https://referer.example/page"),
				       .received_ms = 1780000000000};
	return arena == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	store_arena_free(arena);
	return 0;
}

static void
takes(event_decoder *decode, const char *body, const char *expected)
{
	static struct dump dump;
	int result = decode(beacon_str(body), &source, arena, &batch, &error);

	if (result != 0)
		fail_msg("refused: %s", error.text);
	dump.size = 0;
	for (uint32_t i = 0; i < batch.count; i++)
		dump_event(&dump, batch.events[i]);
	assert_string_equal(dump.text, expected);
}

static void
refuses(event_decoder *decode, const char *body, const char *expected)
{
	assert_int_equal(decode(beacon_str(body), &source, arena, &batch, &error), STORE_EINVAL);
	assert_string_equal(error.text, expected);
}

/* ---- web-vitals ------------------------------------------------------ */

static void
vitals(void **state)
{
	(void)state;
	takes(decode_vitals,
	      "[{\"name\":\"LCP\",\"value\":1824.5,\"rating\":\"good\",\"delta\":1824.5,"
	      "\"id\":\"v6-1780000012345-12\",\"entries\":[{}],\"navigationType\":\"navigate\","
	      "\"attribution\":{\"target\":\"#hero\",\"url\":\"https://x.example/h.png\","
	      "\"resourceLoadDelay\":10,\"resourceLoadDuration\":20,\"elementRenderDelay\":30}},"
	      "{\"name\":\"INP\",\"value\":80,\"id\":\"v6-1780000012340-13\","
	      "\"navigationType\":\"navigate\",\"attribution\":{\"interactionTarget\":\"#b\","
	      "\"interactionType\":\"pointer\",\"inputDelay\":1,\"processingDuration\":2,"
	      "\"presentationDelay\":3,\"longestScript\":{\"entry\":{\"sourceURL\":\"s.js\"}}}},"
	      "{\"name\":\"CLS\",\"value\":0.1,\"id\":\"x\",\"navigationType\":\"navigate\","
	      "\"attribution\":{\"largestShiftTarget\":\"#c\"}},"
	      "{\"name\":\"TTFB\",\"value\":0,\"id\":\"y\",\"navigationType\":\"soft-navigation\","
	      "\"navigationURL\":\"https://x.example/next\"}]",
	      "https://referer.example/page at 1780000012340\n"
	      "pageviews nav_type=navigate lcp=1824.5 inp=80 cls=0.1 lcp_element=#hero "
	      "lcp_url=https://x.example/h.png lcp_load_delay=10 lcp_load_time=20 "
	      "lcp_render_delay=30 inp_target=#b inp_type=pointer inp_input_delay=1 "
	      "inp_processing=2 inp_presentation=3 inp_script=s.js cls_element=#c\n"
	      "https://x.example/next\n"
	      "pageviews nav_type=soft_navigation\n");
	takes(decode_vitals,
	      "{\"id\":\"a\",\"value\":\"12\",\"name\":\"FCP\",\"url\":\"https://u.example/\"}",
	      "https://u.example/\npageviews fcp=12\n");
	takes(decode_vitals, "{\"id\":\"a\",\"value\":3,\"name\":\"FID\"}",
	      "https://referer.example/page\npageviews\n");
	takes(decode_vitals, "{\"id\":\"a\",\"value\":-1,\"name\":\"LCP\",\"attribution\":7}",
	      "https://referer.example/page\npageviews\n");
	refuses(decode_vitals, "[]", "no metrics");
	refuses(decode_vitals, "[{\"name\":\"LCP\",\"value\":1}]",
		"expected metrics of web-vitals: name, value and id");
	refuses(decode_vitals, "[1]", "expected metrics of web-vitals: name, value and id");
	refuses(decode_vitals, "[", "malformed JSON: the text ends too early");
}

static void
told_apart(void **state)
{
	(void)state;
	assert_true(decode_is_vitals(beacon_str(" [{}]")));
	assert_true(decode_is_vitals(beacon_str("{\"name\":\"LCP\",\"value\":1,\"id\":\"x\"}")));
	assert_false(decode_is_vitals(beacon_str(beacon_whole)));
	assert_false(decode_is_vitals(beacon_str("")));
}

/* The id is the metric's, so that a view can be told from the next. */
static void
vitals_ids(void **state)
{
	uint64_t lcp;

	(void)state;
	takes(decode_vitals, "{\"id\":\"a\",\"value\":3,\"name\":\"LCP\"}",
	      "https://referer.example/page\npageviews lcp=3\n");
	assert_true(batch.events[0]->join_key != 0 && batch.events[0]->join_client);
	lcp = batch.events[0]->metrics[decode_metric_index(beacon_str("lcp"))];
	assert_true(lcp != 0 && batch.events[0]->merge);
	decode_vitals(beacon_str("{\"id\":\"b\",\"value\":3,\"name\":\"LCP\"}"), &source, arena,
		      &batch, &error);
	assert_true(batch.events[0]->metrics[decode_metric_index(beacon_str("LCP"))] != lcp);
}

/* ---- Faro ------------------------------------------------------------ */

static void
faro(void **state)
{
	(void)state;
	takes(
	    decode_faro,
	    "{\"meta\":{\"app\":{\"name\":\"a\",\"version\":\"7\",\"environment\":\"prod\"},"
	    "\"session\":{\"id\":\"s\"},\"page\":{\"url\":\"https://f.example/p\"},"
	    "\"browser\":{\"language\":\"de\",\"viewportWidth\":\"390\",\"viewportHeight\":\"844\"}"
	    "},"
	    "\"measurements\":[{\"type\":\"web-vitals\",\"timestamp\":\"2021-09-30T10:46:17.680Z\","
	    "\"values\":{\"lcp\":1824.5,\"delta\":1,\"element_render_delay\":5},\"context\":"
	    "{\"id\":\"v6\",\"navigation_type\":\"back-forward-cache\",\"element\":\"#h\"}},"
	    "{\"type\":\"own\",\"values\":{\"a\":1,\"b\":\"x\"},\"timestamp\":\"2021-09-30T10:46:"
	    "16Z\"}],"
	    "\"exceptions\":[{\"type\":\"TypeError\",\"value\":\"no\",\"stacktrace\":{\"frames\":["
	    "{\"filename\":\"https://f.example/"
	    "m.js\",\"function\":\"go\",\"lineno\":9,\"colno\":4},"
	    "{\"filename\":\"n.js\",\"function\":\"?\",\"lineno\":1,\"colno\":2}]},"
	    "\"timestamp\":\"2021-09-30T10:46:18.000Z\"}],"
	    "\"logs\":[{\"level\":\"info\",\"message\":\"i\"},{\"level\":\"error\",\"message\":"
	    "\"e\"}],"
	    "\"events\":[{\"name\":\"signup\",\"domain\":\"browser\",\"attributes\":{\"plan\":"
	    "\"pro\"}},"
	    "{\"name\":\"faro.performance.navigation\",\"attributes\":{\"dnsLookupTime\":\"3\","
	    "\"pageLoadTime\":\"1400\",\"protocol\":\"h2\",\"type\":\"reload\"}}]}",
	    "https://f.example/p at 1632998776000\n"
	    "pageviews language=de release=7 environment=prod nav_type=reload protocol=h2 dns=3 "
	    "load=1400 lcp=1824.5 lcp_element=#h lcp_render_delay=5 viewport_width=390 "
	    "viewport_height=844\n"
	    "errors ts=1632998778000 kind=error type=TypeError message=no "
	    "source=https://f.example/m.js line=9 column=4 "
	    "stack=at go (https://f.example/m.js:9:4)\nat ? (n.js:1:2)\n"
	    "errors kind=console message=e\n"
	    "events ts=1632998776000 category=measure name=own target=a value=1\n"
	    "events category=custom name=signup target=browser text={\"plan\":\"pro\"}\n");
	assert_true(batch.events[0]->session_id != 0 && !batch.events[0]->join_client);
	takes(decode_faro,
	      "{\"meta\":{\"page\":7,\"browser\":{\"viewportWidth\":\"70000\"}},"
	      "\"measurements\":[1,{},{\"type\":\"web-vitals\",\"values\":[]},{\"values\":{\"a\":"
	      "\"b\"}}],"
	      "\"exceptions\":{},\"logs\":null,\"events\":[\"x\"]}",
	      "https://referer.example/page\npageviews\nevents category=custom\n");
	refuses(decode_faro, "{}", "meta: expected an object");
	refuses(decode_faro, "[]", "meta: expected an object");
	refuses(decode_faro, "{\"meta\":{}",
		"malformed JSON: expected , or the end of the object or array");
}

/* ---- boomerang ------------------------------------------------------- */

static void
boomerang(void **state)
{
	(void)state;
	source.query = beacon_str(
	    "u=https%3A%2F%2Ffriend.com%2F&v=1.737.60&pid=aot3mvuv&n=1&rt.si=70074cfe&rt.start="
	    "navigation&rt.tstart=1780000000000&t_resp=1300&t_page=907&t_done=2207&pt.fcp=1618&"
	    "pt.lcp=2233&pt.lcp.el=IMG&c.cls=0.0967&et.fid=1&et.inp=88&nt_nav_st=1780000000000&"
	    "nt_dns_st=1780000000010&nt_dns_end=1780000000030&nt_con_st=1780000000030&"
	    "nt_ssl_st=1780000000040&nt_con_end=1780000000090&nt_res_st=1780000000300&"
	    "nt_res_end=1780000000350&nt_load_end=1780000002000&nt_nav_type=1&nt_protocol=h2&"
	    "nt_trn_size=1234&mob.etype=4g&mob.rtt=50&mob.dl=10&scr.dpx=2&cpu.cnc=8&dev.mem=4&"
	    "net.sd=0&r=https%3A%2F%2Fnews.example%2F&sb=1");
	takes(decode_boomerang, "",
	      "https://friend.com/ from https://news.example/ at 1780000000000\n"
	      "pageviews connection=4g nav_type=reload protocol=h2 dns=20 tcp=10 tls=50 ttfb=300 "
	      "download=50 load=2000 fcp=1618 lcp=2233 inp=88 cls=0.0967 lcp_element=IMG "
	      "transfer_bytes=1234 dpr=2 rtt=50 downlink=10 save_data=0 device_memory=4 cpu=8\n");
	assert_false(batch.events[0]->again);
	/* A later one of the page: its view, and nothing of its loading. */
	{
		uint64_t view = batch.events[0]->view_id;

		takes(decode_boomerang,
		      "pid=aot3mvuv&n=2&http.initiator=xhr&u=https%3A%2F%2Fapi.example%2Fx&"
		      "pgu=https%3A%2F%2Ffriend.com%2F&t_done=55&http.method=POST&c.cls=0.1",
		      "https://friend.com/\npageviews cls=0.1\n"
		      "events category=request name=xhr target=https://api.example/x value=55 "
		      "text=POST\n");
		assert_true(batch.events[0]->view_id == view && batch.events[0]->again);
		takes(decode_boomerang, "pid=aot3mvuv&n=4&u=/a&rt.quit=&t_done=9&et.inp=77",
		      "/a\npageviews inp=77\n");
		assert_true(batch.events[0]->view_id == view);
		takes(decode_boomerang,
		      "pid=aot3mvuv&n=3&http.initiator=spa&u=/b&rt.tstart=1780000009000&t_done=70",
		      "/b at 1780000009000\npageviews nav_type=soft_navigation load=70\n");
		assert_true(batch.events[0]->view_id != view);
	}
	source.query = beacon_str("");
	refuses(decode_boomerang, "u=https%3A%2F%2Ffriend.com%2F", "pid: missing");
	refuses(decode_boomerang, "", "pid: missing");
	takes(decode_boomerang, "pid=%ff&pid=x&u=%zz%e2%82%ac&pt.lcp=1e9&c.cls=-1&scr.dpx=nan&&=&a",
	      "%zz\xe2\x82\xac\npageviews\n");
}

static void
boomerang_errors(void **state)
{
	static const char expected[] = "https://b.example/\npageviews\n"
				       "errors ts=1632994361424 kind=rejection type=TypeError "
				       "message=no $x: \xc3\xa4\xe2\x82\xac "
				       "source=/app.js line=3 column=14 stack=at go "
				       "(/app.js:3:14)\nat  (https://c.example/l.js:1:0) "
				       "occurrences=2\n"
				       "errors kind=error type=Error message=plain\n";

	(void)state;
	takes(decode_boomerang,
	      "pid=x&u=https%3A%2F%2Fb.example%2F&http.initiator=error&err="
	      "~(~(d~'ku6qohg0~f~(~(c~14~f~'go~l~3~wo~'*2fapp.js)~(l~1~w~'https*3a*2f*2fc.example*"
	      "2fl.js))"
	      "~m~'no*20!x*3a*20*e4**20ac~n~2~t~'TypeError~v~7)~(m~'plain~e~(~)))",
	      expected);
	takes(decode_boomerang,
	      "pid=x&u=https%3A%2F%2Fb.example%2F&http.initiator=error&err="
	      "%5B%7B%22d%22%3A%22ku6qohg0%22%2C%22f%22%3A%5B%7B%22c%22%3A14%2C%22f%22%3A%22go%22%"
	      "2C%22l%22%3A3%2C"
	      "%22wo%22%3A%22%2Fapp.js%22%7D%2C%7B%22l%22%3A1%2C%22w%22%3A%22https%3A%2F%2Fc."
	      "example%2Fl.js%22%7D%5D%2C"
	      "%22m%22%3A%22no+%24x%3A+%C3%A4%E2%82%AC%22%2C%22n%22%3A2%2C%22t%22%3A%22TypeError%"
	      "22%2C%22v%22%3A7%7D%2C"
	      "%7B%22m%22%3A%22plain%22%7D%5D",
	      expected);
	takes(decode_boomerang, "pid=x&u=https%3A%2F%2Fb.example%2F&err=~(broken",
	      "https://b.example/\npageviews\n");
}

/* ---- reports --------------------------------------------------------- */

static void
reports(void **state)
{
	(void)state;
	takes(
	    decode_reports,
	    "[{\"type\":\"network-error\",\"age\":1000,\"url\":\"https://w.example/\",\"body\":"
	    "{\"sampling_fraction\":0.5,\"referrer\":\"\",\"protocol\":\"h2\",\"status_code\":200,"
	    "\"elapsed_time\":823,\"phase\":\"application\",\"type\":\"http.protocol.error\","
	    "\"request_headers\":{\"cookie\":\"x\"}}},"
	    "{\"type\":\"csp-violation\",\"url\":\"https://w.example/a\",\"body\":{\"blockedURL\":"
	    "\"https://u:p@evil.example/x?secret#y\",\"sample\":\"secret\",\"line\":3}}]",
	    "https://w.example/ at 1779999999000 rate 0.5\n"
	    "reports type=network-error url=https://w.example/ "
	    "body={\"sampling_fraction\":0.5,\"referrer\":\"\",\"protocol\":\"h2\",\"status_code\":"
	    "200,"
	    "\"elapsed_time\":823,\"phase\":\"application\",\"type\":\"http.protocol.error\"} "
	    "phase=application status=200 elapsed=823 protocol=h2\n"
	    "https://w.example/a at 1780000000000\n"
	    "reports type=csp-violation url=https://w.example/a "
	    "body={\"blockedURL\":\"https://evil.example/x\",\"line\":3}\n");
	assert_true(batch.events[0]->no_view && !batch.events[0]->merge);
	takes(decode_reports,
	      "{\"csp-report\":{\"document-uri\":\"https://w.example/b\",\"script-sample\":\"x\","
	      "\"violated-directive\":\"img-src\"}}",
	      "https://w.example/b at 1780000000000\n"
	      "reports type=csp-violation url=https://w.example/b body="
	      "{\"document-uri\":\"https://w.example/b\",\"violated-directive\":\"img-src\"}\n");
	takes(decode_reports,
	      "[{\"type\":\"network-error\",\"body\":{\"sampling_fraction\":1e-9,\"status_code\":-"
	      "4}}]",
	      "https://referer.example/page at 1780000000000 rate 0.001\n"
	      "reports type=network-error url=https://referer.example/page "
	      "body={\"sampling_fraction\":1e-09,\"status_code\":-4}\n");
	refuses(decode_reports, "[]", "no reports");
	refuses(decode_reports, "{}", "expected an array of reports");
	refuses(decode_reports, "[{\"type\":\"crash\"}]",
		"expected reports with type, url and body");
}

/* ---- the plain agent ------------------------------------------------- */

static void
plain(void **state)
{
	(void)state;
	takes(decode_plain_metrics,
	      "{\"dns\":1,\"tcp\":2,\"tls\":3,\"ttfb\":4,\"download\":5,\"domProcessing\":6,"
	      "\"totalLoadTime\":7,\"fcp\":8,\"lcp\":9,\"fid\":10,\"cls\":0.5,\"deviceType\":\"x\","
	      "\"connection\":{\"effectiveType\":\"4g\",\"downlink\":1.5,\"rtt\":50,\"saveData\":"
	      "true},"
	      "\"viewport\":\"1280x720\",\"url\":\"https://p.example/\",\"referrer\":\"https://"
	      "r.example/\","
	      "\"sessionId\":\"s\",\"timestamp\":1780000000001}",
	      "https://p.example/ from https://r.example/ at 1780000000001\n"
	      "pageviews connection=4g dns=1 tcp=2 tls=3 ttfb=4 download=5 load=7 fcp=8 lcp=9 "
	      "cls=0.5 "
	      "viewport_width=1280 viewport_height=720 rtt=50 downlink=1.5 save_data=1\n");
	takes(decode_plain_metrics,
	      "{\"lcp\":{},\"cls\":null,\"dns\":-3,\"connection\":null,\"viewport\":\"wide\","
	      "\"url\":\"/x\","
	      "\"timestamp\":\"2021-09-30T10:46:17.680Z\"}",
	      "https://referer.example/page at 1632998777680\npageviews\n");
	takes(decode_plain_errors,
	      "{\"type\":\"javascript_error\",\"message\":\"m\",\"filename\":\"f.js\",\"line\":1,"
	      "\"column\":2,"
	      "\"stack\":\"s\",\"sessionId\":\"s\",\"timestamp\":1780000000001,\"url\":\"https://"
	      "p.example/\"}",
	      "https://p.example/ at 1780000000001\npageviews\n"
	      "errors ts=1780000000001 kind=error message=m source=f.js line=1 column=2 stack=s\n");
	takes(decode_plain_interactions,
	      "{\"type\":\"click\",\"element\":\"BUTTON\",\"id\":\"\",\"class\":\"c\",\"text\":"
	      "\"t\"}",
	      "https://referer.example/page\npageviews\n"
	      "events category=interaction name=click target=c text=t\n");
	takes(decode_plain_heartbeat, "{\"timeOnPage\":30000}",
	      "https://referer.example/page\npageviews\n"
	      "events category=heartbeat name=heartbeat value=30000\n");
	takes(decode_plain_business,
	      "{\"type\":\"checkout_complete\",\"orderId\":7,\"amount\":99.5,\"sessionId\":\"s\"}",
	      "https://referer.example/page\npageviews\n"
	      "events category=business name=checkout_complete value=99.5 text={\"orderId\":7}\n");
	refuses(decode_plain_metrics, "[]", "expected a JSON object");
	refuses(decode_plain_business, "", "malformed JSON: the text ends too early");
}

static void
iso_times(void **state)
{
	static const struct {
		const char *text;
		double ms;
	} good[] = {{"1970-01-01T00:00:00Z", 0},
		    {"2000-02-29T12:00:00.5Z", 951825600500},
		    {"2026-11-21T09:30:17.680Z", 1795253417680}},
	  bad[] = {{"2026-11-21 09:30:17.680Z", 0},
		   {"2026-13-21T09:30:17Z", 0},
		   {"2026-11-21T09:30:17.680+01:00", 0},
		   {"", 0}};
	double ms;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(decode_iso_time(beacon_str(good[i].text), &ms));
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(decode_iso_time(beacon_str(bad[i].text), &ms));
}

/* A body of as many items as may be, and one more. */
static void
bounds(void **state)
{
	static char body[65536];
	size_t size = 0;

	(void)state;
	body[size++] = '[';
	for (int i = 0; i < 101; i++) {
		if (i == 100) {
			strcpy(body + size, "]");
			assert_int_equal(
			    decode_reports(beacon_str(body), &source, arena, &batch, &error), 0);
			assert_int_equal(batch.count, 100);
		}
		size += (size_t)sprintf(body + size, "%s{\"type\":\"crash\",\"body\":{}}",
					i > 0 ? "," : "");
	}
	strcpy(body + size, "]");
	refuses(decode_reports, body, "at most 100 reports");
}

/* What a beacon takes in memory is its size times a number: many short texts one
 * after another are where this was not so. */
static void
memory(void **state)
{
	enum { BYTES = 512 << 10, TIMES_MAX = 128 };
	static const struct {
		event_decoder *decode;
		const char *begin, *again, *end;
	} beacons[] = {
	    {decode_boomerang, "pid=x&u=https%3A%2F%2Fb.example%2F&err=~(", "~0", ")"},
	    {decode_boomerang, "pid=x&u=https%3A%2F%2Fb.example%2F&err=~(~(a~0", "~a~0", "))"},
	    {decode_boomerang, "pid=x&u=https%3A%2F%2Fb.example%2F&err=[0", ",0", "]"},
	    {decode_faro, "{\"meta\":{\"page\":{}},\"x\":[\"\"", ",\"\\n\"", "]}"},
	};
	static char body[BYTES + 64];

	(void)state;
	for (size_t i = 0; i < sizeof beacons / sizeof *beacons; i++) {
		size_t size = (size_t)sprintf(body, "%s", beacons[i].begin);

		while (size < BYTES)
			size += (size_t)sprintf(body + size, "%s", beacons[i].again);
		sprintf(body + size, "%s", beacons[i].end);
		store_arena_reset(arena);
		assert_int_equal(
		    beacons[i].decode(beacon_str(body), &source, arena, &batch, &error), 0);
		assert_true(store_arena_bytes(arena) < (size_t)BYTES * TIMES_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(vitals, setup, teardown),
	    cmocka_unit_test_setup_teardown(told_apart, setup, teardown),
	    cmocka_unit_test_setup_teardown(vitals_ids, setup, teardown),
	    cmocka_unit_test_setup_teardown(faro, setup, teardown),
	    cmocka_unit_test_setup_teardown(boomerang, setup, teardown),
	    cmocka_unit_test_setup_teardown(boomerang_errors, setup, teardown),
	    cmocka_unit_test_setup_teardown(reports, setup, teardown),
	    cmocka_unit_test_setup_teardown(plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(iso_times, setup, teardown),
	    cmocka_unit_test_setup_teardown(bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
