/*
 * ngx_http_workspaces_docs.c - "workspaces_docs": the OpenAPI documents of
 * the dialects that a server mounts, and a page of Swagger UI that shows them.
 *
 * All of its files are read or made together with the configuration, so that
 * "nginx -t" tells what is missing, and a worker serves them from memory.
 */

#include "ngx_http_workspaces_docs.h"
#include "ngx_http_workspaces_path.h"
#include "ngx_http_workspaces_response.h"


#define NGX_HTTP_WORKSPACES_ASSET_MAX  (16 * 1024 * 1024)     /* bytes */

#define NGX_HTTP_WORKSPACES_HTML  "text/html; charset=utf-8"
#define NGX_HTTP_WORKSPACES_JS    "application/javascript; charset=utf-8"
#define NGX_HTTP_WORKSPACES_JSON  "application/json; charset=utf-8"


typedef struct {
    ngx_str_t     name;         /* below the location: "/x.js"; "": the page */
    wsp_str       type;
    wsp_str       text;
    wsp_str       dialect;      /* of a document; empty of all others */
    time_t        modified;     /* -1: made, not read */
} ngx_http_workspaces_docs_file_t;


struct ngx_http_workspaces_docs_s {
    ngx_str_t     prefix;       /* the location, as of a mount */
    ngx_str_t     escaped;
    ngx_array_t   files;        /* ngx_http_workspaces_docs_file_t */

    u_char       *conf_file;
    ngx_uint_t    conf_line;
};


static ngx_int_t ngx_http_workspaces_docs_place(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs);
static ngx_int_t ngx_http_workspaces_docs_directory(ngx_conf_t *cf,
    ngx_str_t *directory);
static ngx_int_t ngx_http_workspaces_docs_asset(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs, ngx_str_t *directory, const char *name,
    const char *type);
static ngx_int_t ngx_http_workspaces_docs_read(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *path, ngx_http_workspaces_docs_file_t *file);
static ngx_int_t ngx_http_workspaces_docs_documents(ngx_conf_t *cf,
    ngx_http_workspaces_srv_conf_t *wscf, ngx_http_workspaces_docs_t *docs);
static ngx_int_t ngx_http_workspaces_docs_document(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs, int dialect, ngx_array_t *mounts);
static ngx_int_t ngx_http_workspaces_docs_page(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs);
static ngx_int_t ngx_http_workspaces_docs_script(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs);
static ngx_http_workspaces_docs_file_t *ngx_http_workspaces_docs_add(
    ngx_http_workspaces_docs_t *docs, const char *name, const char *type);
static ngx_http_workspaces_docs_file_t *ngx_http_workspaces_docs_find(
    ngx_http_request_t *r, ngx_http_workspaces_docs_t *docs);


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


static const char  ngx_http_workspaces_docs_html[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<title>Workspaces</title>\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<link rel=\"stylesheet\" href=\"%V/swagger-ui.css\">\n"
    "</head>\n"
    "<body>\n"
    "<div id=\"swagger-ui\"></div>\n"
    "<script src=\"%V/swagger-ui-bundle.js\"></script>\n"
    "<script src=\"%V/swagger-ui-standalone-preset.js\"></script>\n"
    "<script src=\"%V/page.js\"></script>\n"
    "</body>\n"
    "</html>\n";


/* without the validator that Swagger UI would ask, at swagger.io */

static const char  ngx_http_workspaces_docs_js_head[] =
    "window.onload = function () {\n"
    "    SwaggerUIBundle({\n"
    "        urls: [\n";

static const char  ngx_http_workspaces_docs_js_url[] =
    "            { name: \"%*s\", url: \"%V%V\" },\n";

static const char  ngx_http_workspaces_docs_js_tail[] =
    "        ],\n"
    "        dom_id: \"#swagger-ui\",\n"
    "        deepLinking: true,\n"
    "        validatorUrl: null,\n"
    "        presets: [\n"
    "            SwaggerUIBundle.presets.apis,\n"
    "            SwaggerUIStandalonePreset\n"
    "        ],\n"
    "        layout: \"StandaloneLayout\"\n"
    "    });\n"
    "};\n";


/* Nothing from elsewhere, no inline script, in no frame.  Swagger UI has its
 * styles inline. */

#define NGX_HTTP_WORKSPACES_HEADER(name, value)                               \
    { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 } }

static const wsp_header  ngx_http_workspaces_docs_headers[] = {

    NGX_HTTP_WORKSPACES_HEADER("Content-Security-Policy",
        "default-src 'none'; script-src 'self'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"),

    NGX_HTTP_WORKSPACES_HEADER("X-Content-Type-Options", "nosniff"),

    NGX_HTTP_WORKSPACES_HEADER("Cache-Control", "no-cache")
};

#define NGX_HTTP_WORKSPACES_DOCS_HEADERS                                      \
    (sizeof(ngx_http_workspaces_docs_headers) / sizeof(wsp_header))


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


char *
ngx_http_workspaces_docs_init(ngx_conf_t *cf,
    ngx_http_workspaces_srv_conf_t *wscf)
{
    ngx_uint_t                    i;
    ngx_http_workspaces_docs_t  **docs;

    docs = wscf->docs.elts;

    for (i = 0; i < wscf->docs.nelts; i++) {

        if (wscf->mounts.nelts == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"workspaces_docs\" has nothing to show: write "
                          "\"workspaces <dialect>;\" in a location of the "
                          "same server; used in %s:%ui",
                          docs[i]->conf_file, docs[i]->conf_line);
            return NGX_CONF_ERROR;
        }

        /* the page's script lists the documents */

        if (ngx_http_workspaces_docs_documents(cf, wscf, docs[i]) != NGX_OK
            || ngx_http_workspaces_docs_script(cf, docs[i]) != NGX_OK
            || ngx_http_workspaces_docs_page(cf, docs[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_workspaces_docs_documents(ngx_conf_t *cf,
    ngx_http_workspaces_srv_conf_t *wscf, ngx_http_workspaces_docs_t *docs)
{
    int                           dialect;
    wsp_str                      *path;
    ngx_uint_t                    i;
    ngx_array_t                   paths;
    ngx_http_workspaces_mount_t  *mount;

    mount = wscf->mounts.elts;

    if (ngx_array_init(&paths, cf->pool, wscf->mounts.nelts, sizeof(wsp_str))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (dialect = 0; dialect < WSP_DIALECTS; dialect++) {

        paths.nelts = 0;

        for (i = 0; i < wscf->mounts.nelts; i++) {

            if (mount[i].dialect != dialect) {
                continue;
            }

            path = ngx_array_push(&paths);
            if (path == NULL) {
                return NGX_ERROR;
            }

            *path = ngx_http_workspaces_str(&mount[i].path);
        }

        if (paths.nelts
            && ngx_http_workspaces_docs_document(cf, docs, dialect, &paths)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_docs_document(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs, int dialect, ngx_array_t *mounts)
{
    u_char                           *p;
    wsp_str                           name, text;
    ngx_http_workspaces_docs_file_t  *file;

    name = wsp_dialect_name(dialect);

    p = ngx_pnalloc(cf->pool, name.len + sizeof("/.json"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "/%*s.json%Z", name.len, name.data);

    file = ngx_http_workspaces_docs_add(docs, (char *) p,
                                       NGX_HTTP_WORKSPACES_JSON);
    if (file == NULL) {
        return NGX_ERROR;
    }

    file->dialect = name;

    if (wsp_openapi(&text, dialect, mounts->elts, mounts->nelts) != WSP_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, text.len);

    if (p) {
        ngx_memcpy(p, text.data, text.len);

        file->text.data = (char *) p;
        file->text.len = text.len;
    }

    wsp_openapi_free(text);

    return p ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_workspaces_docs_script(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs)
{
    u_char                           *p;
    size_t                            len;
    ngx_uint_t                        i, n;
    ngx_http_workspaces_docs_file_t  *file, *script;

    script = ngx_http_workspaces_docs_add(docs, "/page.js",
                                          NGX_HTTP_WORKSPACES_JS);
    if (script == NULL) {
        return NGX_ERROR;
    }

    file = docs->files.elts;
    n = docs->files.nelts;

    len = sizeof(ngx_http_workspaces_docs_js_head)
          + sizeof(ngx_http_workspaces_docs_js_tail);

    for (i = 0; i < n; i++) {
        len += sizeof(ngx_http_workspaces_docs_js_url)
               + 2 * file[i].name.len + docs->escaped.len;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    script->text.data = (char *) p;

    p = ngx_cpymem(p, ngx_http_workspaces_docs_js_head,
                   sizeof(ngx_http_workspaces_docs_js_head) - 1);

    for (i = 0; i < n; i++) {

        if (file[i].dialect.len == 0) {
            continue;
        }

        p = ngx_sprintf(p, ngx_http_workspaces_docs_js_url,
                        file[i].dialect.len, file[i].dialect.data,
                        &docs->escaped, &file[i].name);
    }

    p = ngx_cpymem(p, ngx_http_workspaces_docs_js_tail,
                   sizeof(ngx_http_workspaces_docs_js_tail) - 1);

    script->text.len = (char *) p - script->text.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_docs_page(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs)
{
    u_char                           *p;
    ngx_http_workspaces_docs_file_t  *page;

    page = ngx_http_workspaces_docs_add(docs, "", NGX_HTTP_WORKSPACES_HTML);
    if (page == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, sizeof(ngx_http_workspaces_docs_html)
                              + 4 * docs->escaped.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    page->text.data = (char *) p;

    p = ngx_sprintf(p, ngx_http_workspaces_docs_html, &docs->escaped,
                    &docs->escaped, &docs->escaped, &docs->escaped);

    page->text.len = (char *) p - page->text.data;

    return NGX_OK;
}


static ngx_http_workspaces_docs_file_t *
ngx_http_workspaces_docs_add(ngx_http_workspaces_docs_t *docs,
    const char *name, const char *type)
{
    ngx_http_workspaces_docs_file_t  *file;

    file = ngx_array_push(&docs->files);
    if (file == NULL) {
        return NULL;
    }

    ngx_memzero(file, sizeof(ngx_http_workspaces_docs_file_t));

    file->name.data = (u_char *) name;
    file->name.len = ngx_strlen(name);
    file->type.data = type;
    file->type.len = ngx_strlen(type);
    file->modified = -1;

    return file;
}


ngx_int_t
ngx_http_workspaces_docs_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_workspaces_loc_conf_t   *wlcf;
    ngx_http_workspaces_docs_file_t  *file;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    file = ngx_http_workspaces_docs_find(r, wlcf->docs);

    if (file == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }

    rc = ngx_http_workspaces_only_reads(r);

    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < NGX_HTTP_WORKSPACES_DOCS_HEADERS; i++) {

        if (ngx_http_workspaces_push_header(r,
                                         &ngx_http_workspaces_docs_headers[i])
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.last_modified_time = file->modified;

    return ngx_http_workspaces_send_text(r, &file->type, &file->text);
}


static ngx_http_workspaces_docs_file_t *
ngx_http_workspaces_docs_find(ngx_http_request_t *r,
    ngx_http_workspaces_docs_t *docs)
{
    ngx_str_t                         name;
    ngx_uint_t                        i;
    ngx_http_workspaces_docs_file_t  *file;

    /* a rewrite may have led anywhere */

    if (r->uri.len < docs->prefix.len
        || ngx_memcmp(r->uri.data, docs->prefix.data, docs->prefix.len) != 0)
    {
        return NULL;
    }

    name.data = r->uri.data + docs->prefix.len;
    name.len = r->uri.len - docs->prefix.len;

    if (name.len == 1 && name.data[0] == '/') {
        name.len = 0;
    }

    file = docs->files.elts;

    for (i = 0; i < docs->files.nelts; i++) {

        if (file[i].name.len == name.len
            && ngx_memcmp(file[i].name.data, name.data, name.len) == 0)
        {
            return &file[i];
        }
    }

    return NULL;
}
