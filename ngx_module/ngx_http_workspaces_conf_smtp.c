/*
 * ngx_http_workspaces_conf_smtp.c - "workspaces_smtp" and
 * "workspaces_invitation_url".
 */

#include "ngx_http_workspaces_module.h"


static char *ngx_http_workspaces_smtp_url(ngx_conf_t *cf,
    ngx_http_workspaces_smtp_t *smtp, ngx_str_t *url);
static ngx_int_t ngx_http_workspaces_smtp_is_host(ngx_str_t *host);
static char *ngx_http_workspaces_smtp_resolved(ngx_conf_t *cf,
    ngx_http_workspaces_smtp_t *smtp, ngx_url_t *u);
static char *ngx_http_workspaces_smtp_param(ngx_conf_t *cf,
    ngx_http_workspaces_smtp_t *smtp, ngx_str_t *param);
static char *ngx_http_workspaces_smtp_password(ngx_conf_t *cf,
    ngx_http_workspaces_smtp_t *smtp, ngx_str_t *name);
static void ngx_http_workspaces_smtp_forget(void *data);
static void ngx_http_workspaces_smtp_cleanup(void *data);


/* workspaces_smtp <url> from=<address> [user=<name> password_file=<file>]
 * [starttls] [ca=<file>]; or off */

char *
ngx_http_workspaces_conf_smtp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_workspaces_smtp_t  *smtp;

    smtp = &wmcf->smtp;

    if (smtp->given) {
        return "is duplicate";
    }

    smtp->given = 1;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            return "is \"off\", and takes nothing else";
        }

        return NGX_CONF_OK;
    }

    ngx_http_workspaces_used(cf, wmcf, "workspaces_smtp");

    if (ngx_http_workspaces_smtp_url(cf, smtp, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_workspaces_smtp_param(cf, smtp, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (smtp->from.len == 0) {
        return "needs a sender: write \"from=name@example.com\"";
    }

    if ((smtp->user.len != 0) != (smtp->password.len != 0)) {
        return "needs both \"user=\" and \"password_file=\", or neither";
    }

    if (smtp->starttls && smtp->tls) {
        return "has \"starttls\" for a \"smtps\" URL, which is encrypted from "
               "the start: write one of them";
    }

    if (smtp->user.len && !smtp->starttls && !smtp->tls) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"workspaces_smtp\" sends its password "
                           "unencrypted: write \"starttls\", or a \"smtps\" "
                           "URL");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_workspaces_smtp_url(ngx_conf_t *cf, ngx_http_workspaces_smtp_t *smtp,
    ngx_str_t *url)
{
    size_t      len;
    u_char     *p;
    ngx_url_t   u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    if (ngx_strncmp(url->data, "smtp://", 7) == 0) {
        len = 7;
        u.default_port = 25;

    } else if (ngx_strncmp(url->data, "smtps://", 8) == 0) {
        len = 8;
        u.default_port = 465;
        smtp->tls = 1;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_smtp\" needs a server: write "
                           "\"workspaces_smtp smtp://host:port "
                           "from=name@example.com;\"");
        return NGX_CONF_ERROR;
    }

    u.url.data = url->data + len;
    u.url.len = url->len - len;

    /* no worker may wait for a name server, so names are resolved here */

    if (u.url.len == 0
        || ngx_strlchr(u.url.data, u.url.data + u.url.len, '/')
        || ngx_parse_url(cf->pool, &u) != NGX_OK
        || ngx_http_workspaces_smtp_is_host(&u.host) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_smtp\": %s in its URL: write "
                           "\"smtp://host:port\" or \"smtps://host:port\"",
                           u.err ? u.err : "no host and port");
        return NGX_CONF_ERROR;
    }

    smtp->url.len = len + u.host.len + sizeof(":65535");

    smtp->url.data = ngx_pnalloc(cf->pool, smtp->url.len);
    if (smtp->url.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_snprintf(smtp->url.data, smtp->url.len, "%*s%V:%d%Z", len,
                     url->data, &u.host, (int) u.port);
    smtp->url.len = p - smtp->url.data - 1;

    return ngx_http_workspaces_smtp_resolved(cf, smtp, &u);
}


static ngx_int_t
ngx_http_workspaces_smtp_is_host(ngx_str_t *host)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < host->len; i++) {
        ch = ngx_tolower(host->data[i]);

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
            || ch == '.' || ch == '-'
            || (host->data[0] == '[' && (ch == '[' || ch == ':' || ch == ']')))
        {
            continue;
        }

        return NGX_ERROR;
    }

    return host->len ? NGX_OK : NGX_ERROR;
}


/* "host:port:address,address", as libcurl takes it */

static char *
ngx_http_workspaces_smtp_resolved(ngx_conf_t *cf,
    ngx_http_workspaces_smtp_t *smtp, ngx_url_t *u)
{
    u_char           *p, *last;
    ngx_uint_t        i;
    struct sockaddr  *sa;

    if (u->host.data[0] == '['
        || ngx_inet_addr(u->host.data, u->host.len) != INADDR_NONE)
    {
        return NGX_CONF_OK;
    }

    smtp->resolved.len = u->host.len + sizeof(":65535:")
                         + u->naddrs * (NGX_SOCKADDR_STRLEN + 3);

    p = ngx_pnalloc(cf->pool, smtp->resolved.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    smtp->resolved.data = p;
    last = p + smtp->resolved.len;

    p = ngx_slprintf(p, last, "%V:%d:", &u->host, (int) u->port);

    for (i = 0; i < u->naddrs; i++) {
        sa = u->addrs[i].sockaddr;

        if (i) {
            *p++ = ',';
        }

        if (sa->sa_family == AF_INET6) {
            *p++ = '[';
        }

        p += ngx_sock_ntop(sa, u->addrs[i].socklen, p, last - p, 0);

        if (sa->sa_family == AF_INET6) {
            *p++ = ']';
        }
    }

    *p = '\0';
    smtp->resolved.len = p - smtp->resolved.data;

    return NGX_CONF_OK;
}


static char *
ngx_http_workspaces_smtp_param(ngx_conf_t *cf,
    ngx_http_workspaces_smtp_t *smtp, ngx_str_t *param)
{
    size_t       len;
    ngx_str_t    s, *to;

    if (ngx_strcmp(param->data, "starttls") == 0 && !smtp->starttls) {
        smtp->starttls = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(param->data, "from=", 5) == 0) {
        len = 5;
        to = &smtp->from;

    } else if (ngx_strncmp(param->data, "user=", 5) == 0) {
        len = 5;
        to = &smtp->user;

    } else if (ngx_strncmp(param->data, "password_file=", 14) == 0) {
        len = 14;
        to = &smtp->password;

    } else if (ngx_strncmp(param->data, "ca=", 3) == 0) {
        len = 3;
        to = &smtp->trusted;

    } else {
        /* it may be a misplaced password: not repeated */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_smtp\" has an unknown parameter, or "
                           "one twice: write \"workspaces_smtp "
                           "smtp://host:port from=address [user=name "
                           "password_file=file] [starttls] [ca=file];\"");
        return NGX_CONF_ERROR;
    }

    s.data = param->data + len;
    s.len = param->len - len;

    if (to->len || s.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_smtp\" has \"%*s\" twice, or with "
                           "nothing behind it: write it once", len,
                           param->data);
        return NGX_CONF_ERROR;
    }

    if (to == &smtp->password) {
        return ngx_http_workspaces_smtp_password(cf, smtp, &s);
    }

    if (to == &smtp->trusted
        && ngx_http_workspaces_check_certificates(cf, "workspaces_smtp", "ca",
                                                  &s)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* arguments of directives end with a NUL */

    *to = s;

    return NGX_CONF_OK;
}


/* The first line of the file. */

static char *
ngx_http_workspaces_smtp_password(ngx_conf_t *cf,
    ngx_http_workspaces_smtp_t *smtp, ngx_str_t *name)
{
    size_t               len;
    u_char              *p;
    wsp_str              text;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_workspaces_read_file(cf, "workspaces_smtp", name, 1, &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (len = 0; len < text.len; len++) {
        if (text.data[len] == CR || text.data[len] == LF
            || text.data[len] == '\0')
        {
            break;
        }
    }

    p = len ? ngx_pnalloc(cf->pool, len + 1) : NULL;

    if (p) {
        ngx_memcpy(p, text.data, len);
        p[len] = '\0';
    }

    ngx_http_workspaces_free_text(&text);

    if (len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_smtp\": \"%V\" is empty: write the "
                           "password into its first line", name);
        return NGX_CONF_ERROR;
    }

    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    smtp->password.data = p;
    smtp->password.len = len;

    cln->handler = ngx_http_workspaces_smtp_forget;
    cln->data = &smtp->password;

    return NGX_CONF_OK;
}


static void
ngx_http_workspaces_smtp_forget(void *data)
{
    ngx_str_t *password = data;

    wsp_wipe(password->data, password->len);
}


/* Makes of both directives what the core takes, when all were read. */

char *
ngx_http_workspaces_init_smtp(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf)
{
    char                 error[WSP_ERROR_SIZE];
    ngx_pool_cleanup_t  *cln;

    if (wmcf->smtp.url.len == 0) {
        return NGX_CONF_OK;
    }

    if (wmcf->keyring == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"workspaces_smtp\" needs a key ring, for what waits "
                      "to be sent is stored: write \"workspaces_seal_keys "
                      "file;\" in the \"http\" block");
        return NGX_CONF_ERROR;
    }

    if (wmcf->invitation_url.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"workspaces_smtp\" needs to know where invitations "
                      "lead: write \"workspaces_invitation_url "
                      "'https://example.com/invitations/{token}';\" in the "
                      "\"http\" block");
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    error[0] = '\0';

    if (wsp_mail_parse(&wmcf->smtp.mail,
                       ngx_http_workspaces_str(&wmcf->smtp.from),
                       ngx_http_workspaces_str(&wmcf->invitation_url), error)
        != WSP_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"workspaces_smtp\" and \"workspaces_invitation_url\": "
                      "%s", error[0] ? error : "out of memory");
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_workspaces_smtp_cleanup;
    cln->data = wmcf->smtp.mail;

    return NGX_CONF_OK;
}


static void
ngx_http_workspaces_smtp_cleanup(void *data)
{
    wsp_mail_free(data);
}
