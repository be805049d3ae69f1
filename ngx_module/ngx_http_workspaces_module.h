/*
 * ngx_http_workspaces_module.h - configuration shared by the files of the
 * module.
 *
 *     module.c    directives, merging, start and end of a worker
 *     conf*.c     what each directive takes and refuses
 *     value.c     texts in it that may hold variables
 *     driver.c    the core, its operations and its timers
 *     link.c      its connections to Redis
 *     identity.c  what an operation is told of its request
 *     wait.c      requests that wait for their operation
 *     request.c   content handler: from request to operation and back
 *     body.c      request bodies, kept out of temporary files
 *     path.c      the path below the mount
 *     response.c  responses and error pages
 *     access.c    access phase: allows or refuses
 *     record.c    what was decided of a request, whatever happens to it
 *     variables.c $workspace_*
 *     forward.c   what backends are told in headers
 *     curl.c      libcurl on the events of nginx
 *     mail.c      mail, by libcurl
 *     webhook.c   webhooks, by libcurl
 *     delivery.c  the request of a webhook, and its answer
 *     status.c    what was counted, for Prometheus
 *     docs.c      OpenAPI documents, and a page that shows them
 */

#ifndef _NGX_HTTP_WORKSPACES_MODULE_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <workspaces.h>


typedef struct ngx_http_workspaces_driver_s  ngx_http_workspaces_driver_t;
typedef struct ngx_http_workspaces_docs_s  ngx_http_workspaces_docs_t;


typedef struct {
    wsp_redis                       *url;       /* owned; NULL: none given */
    ngx_addr_t                      *addrs;     /* resolved, tried in turn */
    ngx_uint_t                       naddrs;
    ngx_msec_t                       timeout;
    ngx_msec_t                       connect_timeout;
    ngx_uint_t                       queue;
} ngx_http_workspaces_redis_t;


typedef struct {
    wsp_mail                        *mail;      /* owned; NULL: none is sent */

    ngx_str_t                        url;       /* these end with a NUL */
    ngx_str_t                        resolved;  /* empty: url has an address */
    ngx_str_t                        from;
    ngx_str_t                        user;
    ngx_str_t                        password;
    ngx_str_t                        trusted;   /* empty: the system's */

    unsigned                         given:1;   /* "off" or a server */
    unsigned                         tls:1;
    unsigned                         starttls:1;
} ngx_http_workspaces_smtp_t;


typedef struct {
    wsp_webhooks                    *webhooks;  /* owned; NULL: none is
                                                   delivered */
    ngx_resolver_t                  *resolver;

    ngx_str_t                        retry;     /* empty: as usual */
    ngx_str_t                        trusted;   /* empty: the system's; ends
                                                   with a NUL */

    unsigned                         given:1;   /* "off" or not */
    unsigned                         off:1;
    unsigned                         allow_http:1;
    unsigned                         allow_private:1;
} ngx_http_workspaces_webhooks_conf_t;


/* a text that may hold variables */

typedef struct {
    ngx_http_complex_value_t         complex;
    ngx_int_t                        variable;  /* the index of the one that
                                                   it is; NGX_ERROR: of none */
} ngx_http_workspaces_value_t;


/* what "workspaces_identity trusted" can say of a caller */

typedef enum {
    NGX_HTTP_WORKSPACES_TENANT = 0,
    NGX_HTTP_WORKSPACES_USER,
    NGX_HTTP_WORKSPACES_EMAIL,
    NGX_HTTP_WORKSPACES_NAME,
    NGX_HTTP_WORKSPACES_ROLES,
    NGX_HTTP_WORKSPACES_PERMISSIONS,
    NGX_HTTP_WORKSPACES_ADMIN,
    NGX_HTTP_WORKSPACES_TRAITS
} ngx_http_workspaces_trait_e;


typedef struct {
    wsp_jwt                         *jwt;       /* owned; NULL: not by it */

    ngx_http_workspaces_value_t     *key;       /* NULL: the header */
    ngx_uint_t                       by_api_key;

    /* NULL: not given, which reads as an empty string */
    ngx_http_workspaces_value_t     *traits[NGX_HTTP_WORKSPACES_TRAITS];
} ngx_http_workspaces_identity_t;


typedef struct {
    ngx_http_workspaces_redis_t      redis;
    wsp_keyring                     *keyring;   /* owned; NULL: none given */

    ngx_http_workspaces_smtp_t       smtp;
    ngx_str_t                        invitation_url;    /* empty: none */

    ngx_http_workspaces_webhooks_conf_t  webhooks;

    ngx_int_t                        request_id;    /* index of $request_id */

    size_t                           cache_size;        /* 0: off */
    ngx_msec_t                       cache_max_stale;

    time_t                           invitation_ttl;

    /* which directive was the first to need a core; NULL: none */
    const char                      *used;
    u_char                          *used_file;
    ngx_uint_t                       used_line;

    /* indices of our own that are in use; of the worker */
    ngx_array_t                      variables;         /* ngx_uint_t */
    ngx_array_t                      header_variables;  /* ngx_uint_t */
    unsigned                         settings_used:1;

    /* before the secrets in paths of a dialect that is mounted; or empty */
    ngx_str_t                        before_secret;

    unsigned                         access_used:1;
    unsigned                         forward_used:1;
    unsigned                         status_used:1;
    unsigned                         works:1;   /* does long work */

    /* a slot for each worker, in the zone; NULL: nobody wants to know */
    ngx_shm_zone_t                  *status_zone;
    void                            *status;
    ngx_uint_t                       status_workers;

    /* of this worker; NULL in every other process */
    ngx_http_workspaces_driver_t    *driver;
} ngx_http_workspaces_main_conf_t;


typedef struct {
    ngx_int_t                        dialect;   /* enum wsp_dialect */
    ngx_str_t                        path;      /* as in the location */
} ngx_http_workspaces_mount_t;


typedef struct {
    ngx_array_t                      mounts;    /* ..._mount_t */
    ngx_array_t                      docs;      /* ..._docs_t * */
} ngx_http_workspaces_srv_conf_t;


typedef struct {
    ngx_int_t                        dialect;   /* enum wsp_dialect */

    /* the location's name without a slash at its end, as is and escaped */
    ngx_str_t                        prefix;
    ngx_str_t                        mount;

    /* where "workspaces" was written; NULL: in another location, or nowhere */
    u_char                          *mount_file;
    ngx_uint_t                       mount_line;

    ngx_http_workspaces_identity_t  *identity;  /* NULL: nobody is known */

    ngx_http_workspaces_value_t     *access;    /* NULL: off */
    ngx_flag_t                       access_log_only;
    ngx_uint_t                       access_errors;
                                             /* enum wsp_access_errors */

    /* where it was written; NULL: in another location, or nowhere */
    u_char                          *access_file;
    ngx_uint_t                       access_line;

    ngx_str_t                        id_header;
    ngx_str_t                        external_header;

    ngx_flag_t                       forward;

    /* which of our directives serves it; NULL: none; not inherited */
    const char                      *content;
    ngx_http_workspaces_docs_t      *docs;
} ngx_http_workspaces_loc_conf_t;


extern ngx_module_t  ngx_http_workspaces_module;


char *ngx_http_workspaces_conf_mount(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_check_mount(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf);
char *ngx_http_workspaces_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_conf_seal_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_conf_identity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_conf_jwt(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity);
char *ngx_http_workspaces_conf_api_key(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity);
char *ngx_http_workspaces_conf_access(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_conf_access_errors(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_workspaces_conf_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_conf_invitation_ttl(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_workspaces_conf_smtp(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_init_smtp(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf);
char *ngx_http_workspaces_conf_webhooks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_workspaces_init_webhooks(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf);
char *ngx_http_workspaces_conf_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* NULL: nginx has said why. */
ngx_http_workspaces_value_t *ngx_http_workspaces_compile_value(ngx_conf_t *cf,
    ngx_str_t *text);
ngx_uint_t ngx_http_workspaces_is_constant(
    const ngx_http_workspaces_value_t *value);

/* What it is for this request, as long as its pool lives. */
ngx_int_t ngx_http_workspaces_value(ngx_http_request_t *r,
    ngx_http_workspaces_value_t *value, ngx_str_t *text);

/* Takes the location for a directive that serves it, which only one can. */
char *ngx_http_workspaces_conf_content(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf, const char *directive);

/* What the location is, where no mount can be: without a name.  Or NULL. */
const char *ngx_http_workspaces_misplaced(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);

/* Remembers which directive it was that needs a core. */
void ngx_http_workspaces_used(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf, const char *directive);

/* Warns of an access check that never runs; with the location's merged. */
void ngx_http_workspaces_check_access(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf);

/*
 * The text of a key file, with `name` made absolute.  A secret one must be
 * for its owner only.  Errors are logged, in the words of the directive.
 */
ngx_int_t ngx_http_workspaces_read_file(ngx_conf_t *cf, const char *directive,
    ngx_str_t *name, ngx_uint_t secret, wsp_str *text);
void ngx_http_workspaces_free_text(wsp_str *text);     /* wipes it */

/*
 * Refuses a file that has no certificate in it, with `name` made absolute.
 * What else is wrong with it libcurl says when it is used.
 */
char *ngx_http_workspaces_check_certificates(ngx_conf_t *cf,
    const char *directive, const char *parameter, ngx_str_t *name);


static ngx_inline wsp_str
ngx_http_workspaces_str(const ngx_str_t *s)
{
    wsp_str  str;

    str.data = (const char *) s->data;
    str.len = s->len;

    return str;
}


#endif /* _NGX_HTTP_WORKSPACES_MODULE_H_INCLUDED_ */
