/*
 * ngx_http_workspaces_conf_redis.c - "workspaces_redis".
 */

#include "ngx_http_workspaces_module.h"


#define NGX_HTTP_WORKSPACES_TIME_MAX   3600000
#define NGX_HTTP_WORKSPACES_QUEUE_MAX  1048576


static char *ngx_http_workspaces_redis_param(ngx_conf_t *cf,
    ngx_http_workspaces_redis_t *redis, ngx_str_t *param);
static char *ngx_http_workspaces_redis_resolve(ngx_conf_t *cf,
    ngx_http_workspaces_redis_t *redis);
static void ngx_http_workspaces_redis_cleanup(void *data);


/* workspaces_redis <url> [timeout=2s] [connect_timeout=1s] [queue=4096]; */

char *
ngx_http_workspaces_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    char                 error[WSP_ERROR_SIZE];
    ngx_str_t           *value;
    ngx_uint_t           i;
    ngx_pool_cleanup_t  *cln;

    if (wmcf->redis.url) {
        return "is duplicate";
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    error[0] = '\0';

    if (wsp_redis_parse(&wmcf->redis.url, ngx_http_workspaces_str(&value[1]),
                        error)
        != WSP_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"workspaces_redis\": %s",
                           error[0] ? error : "out of memory");
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_workspaces_redis_cleanup;
    cln->data = wmcf->redis.url;

    /* from here on only the parsed url has the password */

    wsp_wipe(value[1].data, value[1].len);

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_workspaces_redis_param(cf, &wmcf->redis, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (wmcf->redis.timeout == 0) {
        wmcf->redis.timeout = 2000;
    }

    if (wmcf->redis.connect_timeout == 0) {
        wmcf->redis.connect_timeout = 1000;
    }

    if (wmcf->redis.queue == 0) {
        wmcf->redis.queue = 4096;
    }

    return ngx_http_workspaces_redis_resolve(cf, &wmcf->redis);
}


static char *
ngx_http_workspaces_redis_param(ngx_conf_t *cf,
    ngx_http_workspaces_redis_t *redis, ngx_str_t *param)
{
    ngx_int_t    n;
    ngx_str_t    s;
    ngx_msec_t  *time;

    time = NULL;

    if (ngx_strncmp(param->data, "timeout=", 8) == 0) {
        time = &redis->timeout;
        s.data = param->data + 8;

    } else if (ngx_strncmp(param->data, "connect_timeout=", 16) == 0) {
        time = &redis->connect_timeout;
        s.data = param->data + 16;

    } else if (ngx_strncmp(param->data, "queue=", 6) == 0) {
        s.data = param->data + 6;

    } else {
        /* it may be a misplaced url with a password: not repeated */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_redis\" has an unknown parameter: "
                           "write \"workspaces_redis <url> [timeout=2s] "
                           "[connect_timeout=1s] [queue=4096];\"");
        return NGX_CONF_ERROR;
    }

    s.len = param->data + param->len - s.data;

    if ((time && *time) || (time == NULL && redis->queue)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_redis\" has \"%*s\" twice: write it "
                           "once", (size_t) (s.data - param->data),
                           param->data);
        return NGX_CONF_ERROR;
    }

    if (time) {
        n = ngx_parse_time(&s, 0);

        if (n == NGX_ERROR || n == 0 || n > NGX_HTTP_WORKSPACES_TIME_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"workspaces_redis\": write "
                               "a time from 1ms to 1h, like \"2s\"", param);
            return NGX_CONF_ERROR;
        }

        *time = n;

        return NGX_CONF_OK;
    }

    n = ngx_atoi(s.data, s.len);

    if (n == NGX_ERROR || n == 0 || n > NGX_HTTP_WORKSPACES_QUEUE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"workspaces_redis\": write a "
                           "number from 1 to %d", param,
                           NGX_HTTP_WORKSPACES_QUEUE_MAX);
        return NGX_CONF_ERROR;
    }

    redis->queue = n;

    return NGX_CONF_OK;
}


/* No worker may wait for a name server, so names are resolved here. */

static char *
ngx_http_workspaces_redis_resolve(ngx_conf_t *cf,
    ngx_http_workspaces_redis_t *redis)
{
    size_t             size;
    u_char            *p;
    ngx_url_t          u;
    wsp_redis_address  address;

    wsp_redis_get_address(redis->url, &address);

    ngx_memzero(&u, sizeof(ngx_url_t));

    size = sizeof("unix:[]:65535") + address.path.len + address.host.len;

    u.url.data = ngx_pnalloc(cf->pool, size);
    if (u.url.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (address.path.len) {
        p = ngx_snprintf(u.url.data, size, "unix:%*s", address.path.len,
                         address.path.data);

    } else if (memchr(address.host.data, ':', address.host.len)) {
        p = ngx_snprintf(u.url.data, size, "[%*s]:%ui", address.host.len,
                         address.host.data, (ngx_uint_t) address.port);

    } else {
        p = ngx_snprintf(u.url.data, size, "%*s:%ui", address.host.len,
                         address.host.data, (ngx_uint_t) address.port);
    }

    u.url.len = p - u.url.data;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_redis\": %s in \"%V\": write an "
                           "address that nginx can use when it starts",
                           u.err ? u.err : "out of memory", &u.url);
        return NGX_CONF_ERROR;
    }

    redis->addrs = u.addrs;
    redis->naddrs = u.naddrs;

    return NGX_CONF_OK;
}


static void
ngx_http_workspaces_redis_cleanup(void *data)
{
    wsp_redis_free(data);
}
