/*
 * ngx_http_workspaces_conf_file.c - files that directives name.
 */

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ngx_http_workspaces_module.h"


#define NGX_HTTP_WORKSPACES_FILE_MAX  65536     /* bytes */


static ngx_int_t ngx_http_workspaces_check_file(ngx_conf_t *cf,
    const char *directive, ngx_str_t *name, ngx_fd_t fd, ngx_uint_t secret);
static ngx_int_t ngx_http_workspaces_read_text(ngx_conf_t *cf,
    const char *directive, ngx_str_t *name, ngx_fd_t fd, wsp_str *text);


ngx_int_t
ngx_http_workspaces_read_file(ngx_conf_t *cf, const char *directive,
    ngx_str_t *name, ngx_uint_t secret, wsp_str *text)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    /* not blocking: the name may be that of a FIFO */

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%s\": " ngx_open_file_n " \"%V\" failed: write "
                           "the name of a key file that nginx can read when "
                           "it starts", directive, name);
        return NGX_ERROR;
    }

    rc = ngx_http_workspaces_check_file(cf, directive, name, fd, secret);

    if (rc == NGX_OK) {
        rc = ngx_http_workspaces_read_text(cf, directive, name, fd, text);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


static ngx_int_t
ngx_http_workspaces_check_file(ngx_conf_t *cf, const char *directive,
    ngx_str_t *name, ngx_fd_t fd, ngx_uint_t secret)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\": \"%V\" is not a regular file: write the "
                           "name of a key file", directive, name);
        return NGX_ERROR;
    }

    if (secret && (ngx_file_access(&fi) & 0077)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\": \"%V\" can be used by others than its "
                           "owner: do \"chmod 600 %V\"",
                           directive, name, name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_read_text(ngx_conf_t *cf, const char *directive,
    ngx_str_t *name, ngx_fd_t fd, wsp_str *text)
{
    u_char   *p;
    size_t    len;
    ssize_t   n;

    /* one byte more shows a file that is too large */

    p = ngx_alloc(NGX_HTTP_WORKSPACES_FILE_MAX + 1, cf->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = 0;

    do {
        n = ngx_read_fd(fd, p + len, NGX_HTTP_WORKSPACES_FILE_MAX + 1 - len);

        if (n == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_fd_n " \"%V\" failed", name);
            break;
        }

        len += n;

    } while (n && len <= NGX_HTTP_WORKSPACES_FILE_MAX);

    text->data = (char *) p;
    text->len = len;

    if (n == 0) {
        return NGX_OK;
    }

    if (n > 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\": \"%V\" is larger than %d bytes: write the "
                           "name of a key file", directive, name,
                           NGX_HTTP_WORKSPACES_FILE_MAX);
    }

    ngx_http_workspaces_free_text(text);

    return NGX_ERROR;
}


void
ngx_http_workspaces_free_text(wsp_str *text)
{
    wsp_wipe((void *) text->data, text->len);
    ngx_free((void *) text->data);

    text->data = NULL;
    text->len = 0;
}


char *
ngx_http_workspaces_check_certificates(ngx_conf_t *cf, const char *directive,
    const char *parameter, ngx_str_t *name)
{
    BIO   *bio;
    X509  *certificate;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    certificate = NULL;

    bio = BIO_new_file((char *) name->data, "r");

    if (bio) {
        certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
        BIO_free(bio);
    }

    ERR_clear_error();

    if (certificate == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\": no certificate can be read from \"%V\": "
                           "write \"%s=file\" with the name of a file of PEM "
                           "certificates", directive, name, parameter);
        return NGX_CONF_ERROR;
    }

    X509_free(certificate);

    return NGX_CONF_OK;
}
