/*
 * ngx_http_workspaces_conf.c - what each directive takes.
 *
 * Whatever is refused is refused with a sentence that says what to write
 * instead, and that never repeats a password or a key.
 */

#include "ngx_http_workspaces_module.h"
#include "ngx_http_workspaces_path.h"
#include "ngx_http_workspaces_request.h"


#define NGX_HTTP_WORKSPACES_KEYS_MAX   65536    /* bytes of a key file */
#define NGX_HTTP_WORKSPACES_TIME_MAX   3600000
#define NGX_HTTP_WORKSPACES_QUEUE_MAX  1048576


static const char *ngx_http_workspaces_misplaced(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_workspaces_conf_dialect(ngx_conf_t *cf,
    ngx_str_t *name);
static char *ngx_http_workspaces_redis_param(ngx_conf_t *cf,
    ngx_http_workspaces_redis_t *redis, ngx_str_t *param);
static char *ngx_http_workspaces_redis_resolve(ngx_conf_t *cf,
    ngx_http_workspaces_redis_t *redis);
static void ngx_http_workspaces_redis_cleanup(void *data);
static char *ngx_http_workspaces_read_keys(ngx_conf_t *cf, ngx_str_t *name,
    ngx_fd_t fd, wsp_keyring **keyring);
static void ngx_http_workspaces_keyring_cleanup(void *data);
static char *ngx_http_workspaces_identity_param(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity, ngx_str_t *param);


/* in the order of ngx_http_workspaces_trait_e */

static ngx_str_t  ngx_http_workspaces_trait_names[] = {
    ngx_string("tenant="),
    ngx_string("user="),
    ngx_string("email="),
    ngx_string("name="),
    ngx_string("roles="),
    ngx_string("permissions="),
    ngx_string("admin=")
};


/* workspaces <dialect>; */

char *
ngx_http_workspaces_conf_mount(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    ngx_str_t                        *value;
    const char                       *where;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_workspaces_main_conf_t  *wmcf;

    if (wlcf->dialect != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    where = ngx_http_workspaces_misplaced(cf, clcf);

    if (where) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces\" cannot be used in %s: write it in "
                           "a prefix or an exact location, like \"location "
                           "/api/workspaces { workspaces platform; }\"",
                           where);
        return NGX_CONF_ERROR;
    }

    wlcf->dialect = ngx_http_workspaces_conf_dialect(cf, &value[1]);
    if (wlcf->dialect == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    wlcf->prefix = clcf->name;

    if (wlcf->prefix.len && wlcf->prefix.data[wlcf->prefix.len - 1] == '/') {
        wlcf->prefix.len--;
    }

    if (ngx_http_workspaces_escape_path(cf->pool, &wlcf->prefix, &wlcf->mount)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_workspaces_module);

    if (wmcf->used_file == NULL) {
        wmcf->used_file = cf->conf_file->file.name.data;
        wmcf->used_line = cf->conf_file->line;
    }

    clcf->handler = ngx_http_workspaces_handler;

    return NGX_CONF_OK;
}


/*
 * Below a mount comes a path, so the mount's own path must be known: a
 * regular expression or a name has none.
 */

static const char *
ngx_http_workspaces_misplaced(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    if (cf->cmd_type == NGX_HTTP_LIF_CONF) {
        return "\"if\"";
    }

    if (cf->cmd_type == NGX_HTTP_LMT_CONF) {
        return "\"limit_except\"";
    }

#if (NGX_PCRE)
    if (clcf->regex) {
        return "a location given by a regular expression";
    }
#endif

    if (clcf->named) {
        return "a named location";
    }

    return NULL;
}


static ngx_int_t
ngx_http_workspaces_conf_dialect(ngx_conf_t *cf, ngx_str_t *name)
{
    int         dialect;
    u_char     *p, *last;
    u_char      known[256];
    wsp_str     str;

    p = known;
    last = known + sizeof(known);

    for (dialect = 0; dialect < WSP_DIALECTS; dialect++) {
        str = wsp_dialect_name(dialect);

        if (str.len == name->len
            && ngx_memcmp(str.data, name->data, str.len) == 0)
        {
            return dialect;
        }

        p = ngx_slprintf(p, last, "%s%*s", dialect ? ", " : "", str.len,
                         str.data);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown dialect \"%V\" in \"workspaces\": write one "
                       "of: %*s", name, (size_t) (p - known), known);

    return NGX_ERROR;
}


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
                           "address that can be resolved when nginx starts",
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


/* workspaces_seal_keys <file>; */

char *
ngx_http_workspaces_conf_seal_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    char                *rv;
    ngx_fd_t             fd;
    ngx_str_t           *value, name;
    ngx_pool_cleanup_t  *cln;

    if (wmcf->keyring) {
        return "is duplicate";
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* not blocking: the name may be that of a FIFO */

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"workspaces_seal_keys\": " ngx_open_file_n
                           " \"%V\" failed: write the name of a key file that "
                           "nginx can read when it starts", &name);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_workspaces_read_keys(cf, &name, fd, &wmcf->keyring);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &name);
    }

    if (rv == NGX_CONF_OK) {
        cln->handler = ngx_http_workspaces_keyring_cleanup;
        cln->data = wmcf->keyring;
    }

    return rv;
}


static char *
ngx_http_workspaces_read_keys(ngx_conf_t *cf, ngx_str_t *name, ngx_fd_t fd,
    wsp_keyring **keyring)
{
    int              rc;
    char             error[WSP_ERROR_SIZE];
    u_char          *text;
    size_t           len;
    ssize_t          n;
    wsp_str          str;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_seal_keys\": \"%V\" is not a regular "
                           "file: write the name of a key file", name);
        return NGX_CONF_ERROR;
    }

    if (ngx_file_access(&fi) & 0077) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_seal_keys\": \"%V\" can be used by "
                           "others than its owner: do \"chmod 600 %V\"",
                           name, name);
        return NGX_CONF_ERROR;
    }

    /* one byte more shows a file that is too large */

    text = ngx_alloc(NGX_HTTP_WORKSPACES_KEYS_MAX + 1, cf->log);
    if (text == NULL) {
        return NGX_CONF_ERROR;
    }

    len = 0;

    do {
        n = ngx_read_fd(fd, text + len,
                        NGX_HTTP_WORKSPACES_KEYS_MAX + 1 - len);

        if (n == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_fd_n " \"%V\" failed", name);
            goto failed;
        }

        len += n;

    } while (n && len <= NGX_HTTP_WORKSPACES_KEYS_MAX);

    if (len > NGX_HTTP_WORKSPACES_KEYS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_seal_keys\": \"%V\" is larger than "
                           "%d bytes: write the name of a key file", name,
                           NGX_HTTP_WORKSPACES_KEYS_MAX);
        goto failed;
    }

    str.data = (char *) text;
    str.len = len;
    error[0] = '\0';

    rc = wsp_keyring_parse(keyring, str, error);

    if (rc != WSP_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_seal_keys\": \"%V\": %s", name,
                           error[0] ? error : "out of memory");
        goto failed;
    }

    wsp_wipe(text, len);
    ngx_free(text);

    return NGX_CONF_OK;

failed:

    wsp_wipe(text, len);
    ngx_free(text);

    return NGX_CONF_ERROR;
}


static void
ngx_http_workspaces_keyring_cleanup(void *data)
{
    wsp_keyring_free(data);
}


/* workspaces_identity off | trusted tenant=$t user=$u ...; */

char *
ngx_http_workspaces_conf_identity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_http_workspaces_identity_t  *identity;

    if (wlcf->identity != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        wlcf->identity = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "trusted") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"workspaces_identity %V\": write "
                           "\"workspaces_identity trusted tenant=$tenant "
                           "user=$user;\" or \"workspaces_identity off;\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    identity = ngx_pcalloc(cf->pool, sizeof(ngx_http_workspaces_identity_t));
    if (identity == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_workspaces_identity_param(cf, identity, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (identity->traits[NGX_HTTP_WORKSPACES_TENANT] == NULL
        || identity->traits[NGX_HTTP_WORKSPACES_USER] == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_identity trusted\" needs a tenant "
                           "and a user: write \"workspaces_identity trusted "
                           "tenant=$tenant user=$user;\"");
        return NGX_CONF_ERROR;
    }

    wlcf->identity = identity;

    return NGX_CONF_OK;
}


static char *
ngx_http_workspaces_identity_param(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity, ngx_str_t *param)
{
    ngx_str_t                          value, *name;
    ngx_uint_t                         i;
    ngx_http_compile_complex_value_t   ccv;

    name = ngx_http_workspaces_trait_names;

    for (i = 0; i < NGX_HTTP_WORKSPACES_TRAITS; i++) {
        if (ngx_strncmp(param->data, name[i].data, name[i].len) == 0) {
            break;
        }
    }

    if (i == NGX_HTTP_WORKSPACES_TRAITS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" in "
                           "\"workspaces_identity\": write one of: tenant=, "
                           "user=, email=, name=, roles=, permissions=, "
                           "admin=", param);
        return NGX_CONF_ERROR;
    }

    if (identity->traits[i]) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_identity\" has \"%V\" twice: write "
                           "it once", &name[i]);
        return NGX_CONF_ERROR;
    }

    value.data = param->data + name[i].len;
    value.len = param->len - name[i].len;

    if (value.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"workspaces_identity\" has no value: "
                           "write a variable, like \"%V$my_variable\"",
                           param, param);
        return NGX_CONF_ERROR;
    }

    identity->traits[i] = ngx_palloc(cf->pool,
                                     sizeof(ngx_http_complex_value_t));
    if (identity->traits[i] == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value;
    ccv.complex_value = identity->traits[i];

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
