// SPDX-License-Identifier: GPL-2.0-only
#include "src/serve/server.h"
int server_start(const struct server_options *o, struct server **r)
{
	(void)o;
	(void)r;
	return 0;
}
void server_stop(struct server *s)
{
	(void)s;
}
int server_check_web_config(const char *p)
{
	(void)p;
	return 0;
}
struct server_stats server_stats(const struct server *s)
{
	(void)s;
	return (struct server_stats){};
}
