/*
 * ngx_http_workspaces_conf_keys.c - "workspaces_seal_keys".
 */

#include "ngx_http_workspaces_module.h"


#define NGX_HTTP_WORKSPACES_KEYS_MAX  65536     /* bytes of a key file */


static char *ngx_http_workspaces_read_keys(ngx_conf_t *cf, ngx_str_t *name,
    ngx_fd_t fd, wsp_keyring **keyring);
static void ngx_http_workspaces_keyring_cleanup(void *data);


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
