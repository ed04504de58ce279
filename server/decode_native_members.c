/*
 * Which member of a native beacon goes to which column, with its type and
 * range: what beacon/PROTOCOL.md lists. Data only; decode_native.c walks it.
 */
#include "decode_native_inside.h"

#define MS_MAX 86400000.0 /* a day: longer timings are a clock's jump */

#define USUAL_SIZE(name) (sizeof(name) - 1 + 4)
#define USUAL_SHIFT(name) (USUAL_SIZE(name) < 8 ? 8 * (9 - USUAL_SIZE(name)) : 8)
#define NAME(name) name, sizeof(name) - 1, USUAL_SIZE(name), USUAL_SHIFT(name), ",\"" name "\":"

/* As the script sends them: the next member is most often the next one here. */
static const struct member top_members[] = {
    {TOP, NAME("v"), SPECIAL, VERSION, 0},
    {TOP, NAME("site"), SPECIAL, SITE, 0},
    {TOP, NAME("view"), SPECIAL, VIEW, 0},
    {TOP, NAME("session"), SPECIAL, SESSION, 0},
    {TOP, NAME("seq"), SPECIAL, SEQ, 0},
    {TOP, NAME("t"), SPECIAL, TIME, 0},
    {TOP, NAME("rate"), SPECIAL, RATE, 0},
    {TOP, NAME("url"), SPECIAL, URL, 0},
    {TOP, NAME("referrer"), SPECIAL, REFERRER, 0},
    {TOP, NAME("release"), STRING, PAGEVIEWS_release, 100},
    {TOP, NAME("env"), STRING, PAGEVIEWS_environment, 100},
    {TOP, NAME("lang"), STRING, PAGEVIEWS_language, 35},
    {TOP, NAME("bot"), SPECIAL, BOT, 0},
    {TOP, NAME("nav"), SPECIAL, NAV, 0},
    {TOP, NAME("net"), OBJECT, NET, 0},
    {TOP, NAME("dev"), OBJECT, DEV, 0},
    {TOP, NAME("trace"), STRING, PAGEVIEWS_trace_id, 64},
    {TOP, NAME("serverTiming"), STRING, PAGEVIEWS_server_timing, 500},
    {TOP, NAME("timing"), OBJECT, TIMING, 0},
    {TOP, NAME("vitals"), OBJECT, VITALS, 0},
    {TOP, NAME("why"), OBJECT, WHY, 0},
    {TOP, NAME("visible"), NUMBER, PAGEVIEWS_visible_time, MS_MAX * 31},
    {TOP, NAME("blocking"), NUMBER, PAGEVIEWS_blocking_time, MS_MAX * 31},
    {TOP, NAME("tags"), SPECIAL, TAGS, 0},
    {TOP, NAME("errors"), SPECIAL, ERRORS, 0},
    {TOP, NAME("events"), SPECIAL, EVENTS, 0},
    {TOP, NAME("again"), SPECIAL, AGAIN, 0},
    {TOP, NAME("ip"), SPECIAL, ADDRESS, 0},
    {TOP, NAME("ua"), SPECIAL, USER_AGENT, 0},
};

static const struct member net_members[] = {
    {NET, NAME("type"), STRING, PAGEVIEWS_connection, 20},
    {NET, NAME("rtt"), NUMBER, PAGEVIEWS_rtt, MS_MAX},
    {NET, NAME("downlink"), NUMBER, PAGEVIEWS_downlink, 1e6},
    {NET, NAME("save"), FLAG, PAGEVIEWS_save_data, 0},
};

static const struct member dev_members[] = {
    {DEV, NAME("vw"), INTEGER, PAGEVIEWS_viewport_width, 65535},
    {DEV, NAME("vh"), INTEGER, PAGEVIEWS_viewport_height, 65535},
    {DEV, NAME("dpr"), NUMBER, PAGEVIEWS_dpr, 100},
    {DEV, NAME("mem"), NUMBER, PAGEVIEWS_device_memory, 65536},
    {DEV, NAME("cpu"), INTEGER, PAGEVIEWS_cpu, 65535},
};

static const struct member timing_members[] = {
    {TIMING, NAME("redirect"), NUMBER, PAGEVIEWS_redirect, MS_MAX},
    {TIMING, NAME("dns"), NUMBER, PAGEVIEWS_dns, MS_MAX},
    {TIMING, NAME("tcp"), NUMBER, PAGEVIEWS_tcp, MS_MAX},
    {TIMING, NAME("tls"), NUMBER, PAGEVIEWS_tls, MS_MAX},
    {TIMING, NAME("ttfb"), NUMBER, PAGEVIEWS_ttfb, MS_MAX},
    {TIMING, NAME("download"), NUMBER, PAGEVIEWS_download, MS_MAX},
    {TIMING, NAME("domInteractive"), NUMBER, PAGEVIEWS_dom_interactive, MS_MAX},
    {TIMING, NAME("domContentLoaded"), NUMBER, PAGEVIEWS_dom_content_loaded, MS_MAX},
    {TIMING, NAME("load"), NUMBER, PAGEVIEWS_load, MS_MAX},
    {TIMING, NAME("protocol"), STRING, PAGEVIEWS_protocol, 20},
    {TIMING, NAME("bytes"), INTEGER, PAGEVIEWS_transfer_bytes, 1e15},
};

static const struct member vitals_members[] = {
    {VITALS, NAME("fcp"), NUMBER, PAGEVIEWS_fcp, MS_MAX},
    {VITALS, NAME("lcp"), NUMBER, PAGEVIEWS_lcp, MS_MAX},
    {VITALS, NAME("inp"), NUMBER, PAGEVIEWS_inp, MS_MAX},
    {VITALS, NAME("cls"), NUMBER, PAGEVIEWS_cls, 1e6},
};

static const struct member why_members[] = {
    {WHY, NAME("lcp"), OBJECT, WHY_LCP, 0},
    {WHY, NAME("inp"), OBJECT, WHY_INP, 0},
    {WHY, NAME("cls"), OBJECT, WHY_CLS, 0},
};

static const struct member why_lcp_members[] = {
    {WHY_LCP, NAME("element"), STRING, PAGEVIEWS_lcp_element, 200},
    {WHY_LCP, NAME("url"), STRING, PAGEVIEWS_lcp_url, 500},
    {WHY_LCP, NAME("loadDelay"), NUMBER, PAGEVIEWS_lcp_load_delay, MS_MAX},
    {WHY_LCP, NAME("loadTime"), NUMBER, PAGEVIEWS_lcp_load_time, MS_MAX},
    {WHY_LCP, NAME("renderDelay"), NUMBER, PAGEVIEWS_lcp_render_delay, MS_MAX},
};

static const struct member why_inp_members[] = {
    {WHY_INP, NAME("target"), STRING, PAGEVIEWS_inp_target, 200},
    {WHY_INP, NAME("type"), STRING, PAGEVIEWS_inp_type, 20},
    {WHY_INP, NAME("inputDelay"), NUMBER, PAGEVIEWS_inp_input_delay, MS_MAX},
    {WHY_INP, NAME("processing"), NUMBER, PAGEVIEWS_inp_processing, MS_MAX},
    {WHY_INP, NAME("presentation"), NUMBER, PAGEVIEWS_inp_presentation, MS_MAX},
    {WHY_INP, NAME("script"), STRING, PAGEVIEWS_inp_script, 500},
};

static const struct member why_cls_members[] = {
    {WHY_CLS, NAME("element"), STRING, PAGEVIEWS_cls_element, 200},
};

static const struct member error_members[] = {
    {ERROR, NAME("kind"), SPECIAL, ERROR_KIND, 0},
    {ERROR, NAME("type"), STRING, ERRORS_type, 100},
    {ERROR, NAME("message"), STRING, ERRORS_message, 1000},
    {ERROR, NAME("source"), STRING, ERRORS_source, 2000},
    {ERROR, NAME("line"), INTEGER, ERRORS_line, UINT32_MAX},
    {ERROR, NAME("column"), INTEGER, ERRORS_column, UINT32_MAX},
    {ERROR, NAME("stack"), STRING, ERRORS_stack, 4000},
    {ERROR, NAME("t"), SPECIAL, ROW_TIME, 0},
    {ERROR, NAME("handled"), FLAG, ERRORS_handled, 0},
    {ERROR, NAME("count"), INTEGER, ERRORS_occurrences, 1000000},
};

static const struct member event_members[] = {
    {EVENT, NAME("category"), SPECIAL, EVENT_CATEGORY, 0},
    {EVENT, NAME("name"), STRING, EVENTS_name, 200},
    {EVENT, NAME("target"), STRING, EVENTS_target, 200},
    {EVENT, NAME("value"), REAL, EVENTS_value, 0},
    {EVENT, NAME("text"), STRING, EVENTS_text, 500},
    {EVENT, NAME("t"), SPECIAL, ROW_TIME, 0},
};

#define SECTION(members, prefix)                                     \
	{                                                            \
		members, sizeof(members) / sizeof *(members), prefix \
	}

const struct section_members decode_native_sections[SECTIONS_COUNT] = {
    [TOP] = SECTION(top_members, ""),
    [NET] = SECTION(net_members, "net."),
    [DEV] = SECTION(dev_members, "dev."),
    [TIMING] = SECTION(timing_members, "timing."),
    [VITALS] = SECTION(vitals_members, "vitals."),
    [WHY] = SECTION(why_members, "why."),
    [WHY_LCP] = SECTION(why_lcp_members, "why.lcp."),
    [WHY_INP] = SECTION(why_inp_members, "why.inp."),
    [WHY_CLS] = SECTION(why_cls_members, "why.cls."),
    [ERROR] = SECTION(error_members, "errors[]."),
    [EVENT] = SECTION(event_members, "events[]."),
};
