/*
 * ngx_http_workspaces_docs.c - serves the OpenAPI documents of the dialects
 * that a server mounts, and a page of Swagger UI that shows them.
 *
 * What is not read with the directive is made when all mounts are known, so
 * that a worker serves everything from memory.
 */

#include "ngx_http_workspaces_docs.h"
#include "ngx_http_workspaces_response.h"


#define NGX_HTTP_WORKSPACES_HTML  "text/html; charset=utf-8"
#define NGX_HTTP_WORKSPACES_JSON  "application/json; charset=utf-8"


static ngx_int_t ngx_http_workspaces_docs_documents(ngx_conf_t *cf,
    ngx_http_workspaces_srv_conf_t *wscf, ngx_http_workspaces_docs_t *docs);
static ngx_int_t ngx_http_workspaces_docs_document(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs, int dialect, ngx_array_t *mounts);
static ngx_int_t ngx_http_workspaces_docs_page(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs);
static ngx_int_t ngx_http_workspaces_docs_script(ngx_conf_t *cf,
    ngx_http_workspaces_docs_t *docs);
static ngx_http_workspaces_docs_file_t *ngx_http_workspaces_docs_find(
    ngx_http_request_t *r, ngx_http_workspaces_docs_t *docs);


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


ngx_http_workspaces_docs_file_t *
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
