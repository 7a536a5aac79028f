/* SPDX-License-Identifier: GPL-2.0-only */
/* Accept and Accept-Encoding, as real clients send them and as nobody should. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/serve/negotiate.h"

static void test_formats(void **state)
{
	static const struct {
		const char *accept;
		bool is_openmetrics;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "*/*", false }, /* curl */
		{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false },
		/* Prometheus 2.42, Debian's */
		{ "application/openmetrics-text;version=1.0.0,"
		  "application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  true },
		/* Prometheus 2.26 to 2.40: it knew only the draft */
		{ "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,"
		  "*/*;q=0.1",
		  false },
		/* Prometheus 2.5x with native histograms */
		{ "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		  "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
		  "application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  true },
		/* Prometheus 3 */
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
		  "application/openmetrics-text;version=0.0.1;q=0.4,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
		  "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		  true },
		/* Prometheus 3 that prefers text */
		{ "text/plain;version=0.0.4;q=0.6,"
		  "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1",
		  false },
		{ "application/openmetrics-text", true },
		{ "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", true },
		{ "application/*", true },
		{ "text/*, application/*", false },
		{ "text/*;q=0.5, application/*;q=0.6", true },
		{ "application/openmetrics-text;q=0", false },
		{ "application/openmetrics-text;version=1.0.0;q=0, */*", false },
		{ "application/openmetrics-text;version=2.0.0", false },
		{ "*/*;q=0.1, application/openmetrics-text;q=0.05", false },
		{ "application/openmetrics-text;q=0.001,text/plain;q=0", true },
		{ "application/openmetrics-text;q=1.000,text/plain;q=0.999", true },
		/* no qualities */
		{ "application/openmetrics-text;q=2", false },
		{ "application/openmetrics-text;q=0.1234", false },
		{ "application/openmetrics-text;q=-1", false },
		{ "application/openmetrics-text;q=", false },
		{ ",,;;=,application/openmetrics-text,;q", true },
		{ "x;y=\"a,b;q=0\", application/openmetrics-text", true },
		{ "\"application/openmetrics-text", false },
		{ "x;y=\"\\", false },
		{ "application/openmetrics-text;version=\"", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (negotiate_openmetrics(cases[i].accept) != cases[i].is_openmetrics)
			fail_msg("Accept: %s", cases[i].accept);
	}
}

static void test_gzip(void **state)
{
	static const struct {
		const char *accept;
		bool is_gzip;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "deflate, gzip, br, zstd", true },
		{ "GZIP;q=0.5", true },
		{ "gzip;q=0", false },
		{ "gzip;q=0.0, *", false },
		{ "*", true },
		{ "*;q=0", false },
		{ "identity", false },
		{ "gzip;q=0.001", true },
		{ "x-gzip", true },
		{ "*;q=0, gzip;q=1", true },
		{ "gzipped", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (negotiate_gzip(cases[i].accept) != cases[i].is_gzip)
			fail_msg("Accept-Encoding: %s", cases[i].accept);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_gzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
