/*
 * ngx_http_workspaces_conf_docs.c - "workspaces_docs".
 *
 * The files of Swagger UI are read together with the configuration, so that
 * "nginx -t" tells what is missing.
 */

#include "ngx_http_workspaces_docs.h"
#include "ngx_http_workspaces_path.h"


#define NGX_HTTP_WORKSPACES_ASSET_MAX  (16 * 1024 * 1024)     /* bytes */


static ngx_int_t ngx_http_workspaces_docs_place(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs);
static ngx_int_t ngx_http_workspaces_docs_directory(ngx_conf_t *cf,
    ngx_str_t *directory);
static ngx_int_t ngx_http_workspaces_docs_asset(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs, ngx_str_t *directory, const char *name,
    const char *type);
static ngx_int_t ngx_http_workspaces_docs_read(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *path, ngx_http_workspaces_docs_file_t *file);


/* what the page needs of npm's swagger-ui-dist */

static struct {
    const char  *name;
    const char  *type;
} ngx_http_workspaces_docs_assets[] = {

    { "/swagger-ui.css", "text/css; charset=utf-8" },

    { "/swagger-ui-bundle.js", NGX_HTTP_WORKSPACES_JS },

    { "/swagger-ui-standalone-preset.js", NGX_HTTP_WORKSPACES_JS },

    { NULL, NULL }
};


char *
ngx_http_workspaces_conf_docs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    char                             *rv;
    ngx_str_t                         directory;
    ngx_uint_t                        i;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_workspaces_docs_t       *docs, **listed;
    ngx_http_workspaces_srv_conf_t   *wscf;

    rv = ngx_http_workspaces_conf_content(cf, wlcf, "workspaces_docs");

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    docs = ngx_pcalloc(cf->pool, sizeof(ngx_http_workspaces_docs_t));
    if (docs == NULL) {
        return NGX_CONF_ERROR;
    }

    docs->conf_file = cf->conf_file->file.name.data;
    docs->conf_line = cf->conf_file->line;

    if (ngx_array_init(&docs->files, cf->pool, 8,
                       sizeof(ngx_http_workspaces_docs_file_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_workspaces_docs_place(cf, docs) != NGX_OK
        || ngx_http_workspaces_docs_directory(cf, &directory) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; ngx_http_workspaces_docs_assets[i].name; i++) {

        if (ngx_http_workspaces_docs_asset(cf, docs, &directory,
                                   ngx_http_workspaces_docs_assets[i].name,
                                   ngx_http_workspaces_docs_assets[i].type)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    wscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_workspaces_module);

    listed = ngx_array_push(&wscf->docs);
    if (listed == NULL) {
        return NGX_CONF_ERROR;
    }

    *listed = docs;
    wlcf->docs = docs;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    clcf->handler = ngx_http_workspaces_docs_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_workspaces_docs_place(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs)
{
    const char                *where;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    where = clcf->exact_match ? "an exact location"
                              : ngx_http_workspaces_misplaced(cf, clcf);

    if (where) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_docs\" cannot be used in %s: write "
                           "it in a prefix location, like \"location /docs { "
                           "workspaces_docs; }\"", where);
        return NGX_ERROR;
    }

    docs->prefix = clcf->name;

    if (docs->prefix.len && docs->prefix.data[docs->prefix.len - 1] == '/') {
        docs->prefix.len--;

        /* "/docs" is redirected to "/docs/" */

        clcf->auto_redirect = 1;
    }

    return ngx_http_workspaces_escape_path(cf->pool, &docs->prefix,
                                           &docs->escaped);
}


/* With a slash at its end. */

static ngx_int_t
ngx_http_workspaces_docs_directory(ngx_conf_t *cf, ngx_str_t *directory)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *value, name;

    len = sizeof("assets=") - 1;
    value = cf->args->elts;

    if (cf->args->nelts == 1) {
        ngx_str_set(&name, "swagger-ui");

    } else if (value[1].len > len
               && ngx_strncmp(value[1].data, "assets=", len) == 0)
    {
        name.data = value[1].data + len;
        name.len = value[1].len - len;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"workspaces_docs\": "
                           "write \"assets=<directory of Swagger UI>\"",
                           &value[1]);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, name.len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    directory->data = p;
    directory->len = name.len + 1;

    p = ngx_cpymem(p, name.data, name.len);
    *p++ = '/';
    *p = '\0';

    return ngx_conf_full_name(cf->cycle, directory, 0);
}


static ngx_int_t
ngx_http_workspaces_docs_asset(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs, ngx_str_t *directory, const char *name,
    const char *type)
{
    u_char                           *p;
    ngx_fd_t                          fd;
    ngx_int_t                         rc;
    ngx_str_t                         path;
    ngx_http_workspaces_docs_file_t  *file;

    file = ngx_http_workspaces_docs_add(docs, name, type);
    if (file == NULL) {
        return NGX_ERROR;
    }

    path.len = directory->len + file->name.len - 1;
    path.data = ngx_pnalloc(cf->pool, path.len + 1);
    if (path.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(path.data, directory->data, directory->len);
    p = ngx_cpymem(p, file->name.data + 1, file->name.len - 1);
    *p = '\0';

    /* not blocking: the name may be that of a FIFO */

    fd = ngx_open_file(path.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"workspaces_docs\": " ngx_open_file_n " \"%V\" "
                           "failed: do \"t/tools/fetch.sh swagger-ui "
                           "%*s\", or put the files of npm's "
                           "\"swagger-ui-dist\" into a directory and write "
                           "\"workspaces_docs assets=<directory>;\"", &path,
                           directory->len - 1, directory->data);
        return NGX_ERROR;
    }

    rc = ngx_http_workspaces_docs_read(cf, fd, &path, file);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &path);
    }

    return rc;
}


static ngx_int_t
ngx_http_workspaces_docs_read(ngx_conf_t *cf, ngx_fd_t fd, ngx_str_t *path,
    ngx_http_workspaces_docs_file_t *file)
{
    u_char           *p;
    size_t            size;
    ssize_t           n;
    ngx_file_info_t   fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)
        || ngx_file_size(&fi) == 0
        || ngx_file_size(&fi) > NGX_HTTP_WORKSPACES_ASSET_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_docs\": \"%V\" is no file of Swagger "
                           "UI: put those of npm's \"swagger-ui-dist\" there",
                           path);
        return NGX_ERROR;
    }

    size = (size_t) ngx_file_size(&fi);

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    file->text.data = (char *) p;
    file->text.len = size;
    file->modified = ngx_file_mtime(&fi);

    while (size) {
        n = ngx_read_fd(fd, p, size);

        if (n <= 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, n ? ngx_errno : 0,
                               ngx_read_fd_n " \"%V\" failed", path);
            return NGX_ERROR;
        }

        p += n;
        size -= n;
    }

    return NGX_OK;
}
