/*
 * workspaces.h - the C ABI of the workspaces core.
 *
 * The core serves the workspaces APIs and decides access.  It does no I/O:
 * it has no socket, no clock, no thread and no file.  A driver (the nginx
 * module, the Lua library, a test) owns those, feeds bytes and time in, and
 * pulls out what is to be done next.  Nothing here calls back.
 *
 * One turn of a driver:
 *
 *     wsp_core_time(core, wall, monotonic);
 *     wsp_op_new / wsp_link_input / wsp_link_connected / wsp_core_tick ...
 *     while (wsp_next_action(core, &action) == WSP_OK)  connect or close
 *     for each open link: write wsp_link_output(), then wsp_link_written()
 *     while ((op = wsp_next_done(core)) != NULL)        send its response
 *     while (wsp_next_job(core, &job) == WSP_OK)        carry it out
 *     while (wsp_next_log(core, &line) == WSP_OK)       log it
 *     arm one timer for wsp_next_timer(core)
 *
 * Conventions
 *   - Functions that can fail return an enum wsp_rc; out-parameters first.
 *   - A wsp_str is borrowed bytes with a length, not NUL-terminated.  Each
 *     declaration says how long it must live.
 *   - Structs that grow begin with `size`: set it to sizeof the struct.
 *   - All functions but the wsp_*_parse ones, wsp_seed and wsp_abi_version
 *     belong to the one thread that owns the core.
 *   - C11, and plain enough for LuaJIT's FFI parser between the markers.
 */

#ifndef WORKSPACES_H
#define WORKSPACES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What libworkspaces.so exports.  The module hides it again. */
#pragma GCC visibility push(default)

/* FFI-BEGIN */

enum {
    WSP_ABI_VERSION = 1,

    /* The largest request body any dialect takes, in bytes.  A driver
     * answers 413 (wsp_op_new_error) as soon as it knows of more. */
    WSP_BODY_MAX = 1048576,

    /* How long a driver may take for a job, in milliseconds. */
    WSP_JOB_MS = 60000,

    /* What an error buffer of the parsing functions must hold. */
    WSP_ERROR_SIZE = 256,

    /* The same of the signature of a webhook, with a NUL at its end. */
    WSP_SIGNATURE_SIZE = 128,

    /* So much of an answer is of interest (wsp_job_response). */
    WSP_ANSWER_MAX = 65536
};

enum wsp_rc {
    WSP_OK = 0,
    WSP_AGAIN = 1,          /* not finished, or nothing there (yet) */
    WSP_INVALID = -1,       /* an argument is wrong; see the error buffer */
    WSP_NOMEM = -2          /* out of memory; nothing was changed */
};

typedef struct {
    const char *data;
    size_t len;
} wsp_str;

typedef struct {
    wsp_str name;
    wsp_str value;
} wsp_header;

typedef struct wsp_redis wsp_redis;
typedef struct wsp_keyring wsp_keyring;
typedef struct wsp_jwt wsp_jwt;
typedef struct wsp_mail wsp_mail;
typedef struct wsp_webhooks wsp_webhooks;
typedef struct wsp_core wsp_core;
typedef struct wsp_op wsp_op;

/* The version of this header that the library was built with; compare with
 * WSP_ABI_VERSION before anything else. */
int wsp_abi_version(void);


/* -- configuration: parsed once, shared by every worker ------------------ */

/*
 * A Redis address and its credentials, from
 *     unix:/path/to/socket[:db]
 *     unix://[user:password@]/path/to/socket[?db=N]
 *     redis://[[user]:password@]host[:port][/db]
 * user and password are percent-decoded.  On WSP_INVALID `error` holds a
 * sentence that says what to write (never the password).  Copies `url`.
 */
int wsp_redis_parse(wsp_redis **out, wsp_str url,
    char error[WSP_ERROR_SIZE]);
void wsp_redis_free(wsp_redis *redis);      /* wipes the password; NULL ok */

typedef struct {
    wsp_str path;           /* unix socket, NUL-terminated; or empty */
    wsp_str host;           /* name or address (no brackets), NUL-terminated */
    unsigned port;
    unsigned database;
} wsp_redis_address;        /* borrowed from the wsp_redis */

void wsp_redis_get_address(const wsp_redis *redis, wsp_redis_address *out);

/*
 * A key ring for sealed data: the text of a key file.  One key a line,
 * `<key id> <base64 of 32 bytes>`; `#` begins a comment line.  The first key
 * seals, all of them open.  A key id is 1..32 of [A-Za-z0-9._-], unique.
 * `text` may be wiped afterwards; the keys live in guarded memory that is
 * wiped by wsp_keyring_free.  Errors name the line, never its content.
 */
int wsp_keyring_parse(wsp_keyring **out, wsp_str text,
    char error[WSP_ERROR_SIZE]);
void wsp_keyring_free(wsp_keyring *ring);   /* NULL ok */

/*
 * Data sealed for one slot of a workspace, as the APIs seal it: tenant,
 * workspace and slot are bound in, so that a blob which was altered, or which
 * is another place's, does not open.
 */
typedef struct {
    size_t size;
    wsp_str tenant;                 /* an id: 1..255 bytes of UTF-8 */
    wsp_str workspace;              /* its id, as the APIs write it: "17" */
    wsp_str slot;                   /* 1..128 of [A-Za-z0-9._-]; empty: the
                                       one that the APIs take by default */
} wsp_seal_place;

/* Give the result back with wsp_sealed_free, which wipes it.  WSP_INVALID:
 * there is no such place; of wsp_open also: the blob does not open. */
int wsp_seal(wsp_str *out, const wsp_keyring *ring,
    const wsp_seal_place *place, wsp_str plain, char error[WSP_ERROR_SIZE]);
int wsp_open(wsp_str *out, const wsp_keyring *ring,
    const wsp_seal_place *place, wsp_str blob, char error[WSP_ERROR_SIZE]);
void wsp_sealed_free(wsp_str text);

/*
 * What is asked of bearer tokens (JWT, RFC 7519) and the keys that verify
 * them.  The algorithm is pinned by the key, never taken from the token:
 *     WSP_JWT_SECRET   the text is the secret of HS256 (32 bytes at least)
 *     WSP_JWT_KEY      a PEM public key: RSA is RS256, EC P-256 is ES256 ...
 *     WSP_JWT_JWKS     a JWK set (RFC 7517); each key by its kid and alg
 * issuer and audience are required.  Claims default to: tenant_claim
 * "tenant", user_claim "sub", roles_claim "roles", permissions_claim
 * "permissions", email_claim "email", name_claim "name", admin_claim
 * "admin".  A claim may be a path ("org.id").  Everything is copied; errors
 * name what is wrong, never a piece of a key.
 */
enum wsp_jwt_key_type {
    WSP_JWT_SECRET = 1,
    WSP_JWT_KEY = 2,
    WSP_JWT_JWKS = 3
};

typedef struct {
    int type;                       /* enum wsp_jwt_key_type */
    wsp_str text;
} wsp_jwt_key;

typedef struct {
    size_t size;
    const wsp_jwt_key *keys;
    size_t key_count;               /* at least one */
    wsp_str issuer;
    wsp_str audience;
    wsp_str tenant_claim;
    wsp_str user_claim;
    wsp_str roles_claim;
    wsp_str permissions_claim;
    wsp_str email_claim;
    wsp_str name_claim;
    wsp_str admin_claim;
    uint32_t leeway_s;              /* for exp and nbf */
} wsp_jwt_options;

int wsp_jwt_new(wsp_jwt **out, const wsp_jwt_options *options,
    char error[WSP_ERROR_SIZE]);
void wsp_jwt_free(wsp_jwt *jwt);            /* NULL ok */

/*
 * How mail is written.  `from` is who sends it, "name@example.com" or
 * "Name <name@example.com>"; `invitation_url` the link in an invitation, with
 * {token} in the place of its token.  Copies both.
 */
int wsp_mail_parse(wsp_mail **out, wsp_str from, wsp_str invitation_url,
    char error[WSP_ERROR_SIZE]);
void wsp_mail_free(wsp_mail *mail);         /* NULL ok */

/*
 * How webhooks are delivered.  `retry` is when they are tried, each time from
 * the try before: "0s,5s,5m,30m,2h" (s, m, h or d; the first is 0s, at most 50
 * of them, each at most 7d); empty: 0s,5s,5m,30m,2h,5h,10h,14h,20h,24h.
 * Copies everything.
 */
typedef struct {
    size_t size;
    wsp_str retry;
    int allow_http;                 /* besides https */
} wsp_webhooks_options;

int wsp_webhooks_new(wsp_webhooks **out, const wsp_webhooks_options *options,
    char error[WSP_ERROR_SIZE]);
void wsp_webhooks_free(wsp_webhooks *webhooks);     /* NULL ok */

/*
 * Whether a host on the internet has this address, 4 bytes of IPv4 or 16 of
 * IPv6 in network order: not this host, no private or link-local network, no
 * multicast, nothing reserved, and nothing that stands for such an address of
 * IPv4.  1 or 0.  What partners name may be connected to only if it is, unless
 * somebody allowed it; ask it of the address that is connected to, not of one
 * that was looked up before.
 */
int wsp_is_public_address(int is_v6, const unsigned char *address);

/*
 * The signature of a webhook, as the header X-Webhook-Signature has it:
 * "t=<unix seconds>,v1=<HMAC-SHA256 of t, a dot and the raw body>".
 * wsp_webhook_check: 1 where one of the secrets made it at most 300 seconds
 * from now, both ways, else 0.
 */
void wsp_webhook_sign(char out[WSP_SIGNATURE_SIZE], wsp_str secret,
    int64_t unix_s, wsp_str body);
int wsp_webhook_check(wsp_str signature, const wsp_str *secrets, size_t count,
    wsp_str body, int64_t wall_ms);

/* Wipes memory in a way that the compiler keeps (bodies, key file texts). */
void wsp_wipe(void *data, size_t len);

/* Fills `seed` from the system's random source. */
void wsp_seed(unsigned char seed[32]);


/* -- dialects and their routes ------------------------------------------- */

enum wsp_dialect {
    WSP_PLATFORM = 0,
    WSP_ORGANIZATION = 1,
    WSP_LOCATION = 2,
    WSP_OPERATOR = 3,
    WSP_PARTNER = 4,
    WSP_DIALECTS = 5        /* how many there are */
};

/* The name of dialect 0..WSP_DIALECTS-1 as the directive takes it. */
wsp_str wsp_dialect_name(int dialect);

/*
 * What a route asks of its caller.  Those from MEMBER, ADMIN,
 * TENANT_ADMIN_HERE, VIEWER and OWNER are about one workspace: that of the
 * path, or, where the pattern has none, the current one (the header
 * X-Workspace-ID, else the caller's active workspace).  PARTNER_HERE is about
 * the one whose external id is {client} of the path.
 */
enum wsp_needs {
    WSP_NEEDS_IDENTITY,     /* any known user of the tenant */
    WSP_NEEDS_MEMBER,       /* a member of the workspace */
    WSP_NEEDS_ADMIN,        /* an admin or the owner of the workspace */
    WSP_NEEDS_TENANT_ADMIN, /* a tenant admin, whatever the workspace */
    WSP_NEEDS_TENANT_ADMIN_HERE, /* a tenant admin, in the workspace */
    WSP_NEEDS_VIEWER,       /* a member, or who may view all locations */
    WSP_NEEDS_OWNER,        /* the owner of the workspace */
    WSP_NEEDS_NOBODY,       /* not even an identity */
    WSP_NEEDS_PARTNER,      /* the API key of a partner; a user may be named,
                               and has all rights of a tenant admin */
    WSP_NEEDS_PARTNER_HERE, /* the same, in the workspace */
    WSP_NEEDS_OPERATOR      /* nobody: the driver's configuration says who
                               gets here */
};

typedef struct {
    wsp_str method;
    wsp_str pattern;        /* "/{workspace}/members/{user}" */
    wsp_str operation;      /* "member.update": a label for metrics and logs */
    int needs;              /* enum wsp_needs; a tenant admin passes all */
} wsp_route;                /* static */

/* Routes are numbered from 0; WSP_INVALID past the last. */
int wsp_route_get(wsp_route *out, int dialect, size_t index);

/* Whether a text is a permission: "resource:action", each half 1 to 64 of
 * [A-Za-z0-9_.-] or "*". */
int wsp_is_permission(wsp_str text);

/*
 * The OpenAPI 3.1 document of a dialect, as JSON.  Its servers are the mounts
 * given, each as in wsp_request; without any it names none.  Give it back
 * with wsp_openapi_free.  WSP_OK, WSP_INVALID (no such dialect) or WSP_NOMEM.
 */
int wsp_openapi(wsp_str *out, int dialect, const wsp_str *mounts,
    size_t count);
void wsp_openapi_free(wsp_str text);


/* -- the core: one per worker -------------------------------------------- */

typedef struct {
    size_t size;
    const wsp_redis *redis;         /* borrowed until wsp_core_free */
    const wsp_keyring *keyring;     /* the same; NULL: sealed data answers 503 */
    uint32_t timeout_ms;            /* a reply later than this drops the link */
    uint32_t connect_timeout_ms;    /* connect and handshake together */
    uint32_t queue;                 /* store trips under way at once; one more
                                       answers 503 at once */
    wsp_str client_name;            /* for CLIENT SETNAME; copied */
    size_t cache_size;              /* bytes of cached records; 0: no cache */
    void *status;                   /* where to count (wsp_status_size), or
                                       NULL; borrowed until wsp_core_free */
    unsigned worker;                /* its slot there, from 0 */
    uint32_t max_stale_ms;          /* no record older than this is used when
                                       its invalidations cannot be heard */
    uint32_t invitation_ttl_s;      /* how long an invitation can be
                                       accepted; 0: 7 days */
    const wsp_mail *mail;           /* borrowed, with a keyring: the driver
                                       carries out jobs of mail; NULL: none is
                                       sent, nor queued */
    const wsp_webhooks *webhooks;   /* borrowed, with a keyring: the driver
                                       carries out jobs of HTTP; NULL: others
                                       do, what is to be sent is queued */
    int works;                      /* takes a part in long work: the deletion
                                       of a tenant, or of a workspace with many
                                       members; for all that serve an API */
    unsigned char seed[32];         /* of the random generator; copied */
} wsp_core_options;

/*
 * Counters that several workers share: a block of this many bytes, all zero
 * at first, for so many workers; it must be aligned as uint64_t.  Counting
 * takes no lock; a worker that comes after another in its slot counts on.
 */
size_t wsp_status_size(unsigned workers);

/* The metrics of a block as Prometheus text; give it back with
 * wsp_status_free.  WSP_OK or WSP_NOMEM. */
int wsp_status_render(wsp_str *out, const void *status, unsigned workers);
void wsp_status_free(wsp_str text);

/* Asks for its first connection at once (wsp_next_action). */
int wsp_core_new(wsp_core **out, const wsp_core_options *options);

/* Every operation must have been freed before.  NULL ok. */
void wsp_core_free(wsp_core *core);

/* The current time: milliseconds since the epoch, and those of a clock that
 * never goes back.  Set it at the start of each turn. */
void wsp_core_time(wsp_core *core, int64_t wall_ms, uint64_t monotonic_ms);

/* Random bytes, unpredictable as long as the seed is: for request ids. */
void wsp_core_random(wsp_core *core, unsigned char *out, size_t len);

/* The driver is shutting down: from now on a lost link is opened again only
 * while an operation waits for it, and there are no new jobs. */
void wsp_core_drain(wsp_core *core);

/* When wsp_core_tick is due, on the monotonic clock; UINT64_MAX: never. */
uint64_t wsp_next_timer(const wsp_core *core);
void wsp_core_tick(wsp_core *core);

enum wsp_level {            /* syslog's numbers */
    WSP_LOG_ALERT = 1,
    WSP_LOG_ERROR = 3,
    WSP_LOG_WARN = 4,
    WSP_LOG_NOTICE = 5,
    WSP_LOG_INFO = 6
};

typedef struct {
    int level;
    wsp_str text;           /* valid until the next wsp_next_log */
} wsp_log;

/* WSP_AGAIN when there is none.  Lines hold no secret and no control
 * character. */
int wsp_next_log(wsp_core *core, wsp_log *out);


/* -- links: connections to Redis, owned by the driver -------------------- */

enum wsp_action_type {
    WSP_CONNECT = 1,        /* open a connection for this link */
    WSP_CLOSE = 2           /* close it; do not call wsp_link_closed */
};

typedef struct {
    int type;
    unsigned link;          /* 0..WSP_LINKS-1 */
} wsp_action;

enum { WSP_LINKS = 2 };     /* 0 carries data, 1 hears invalidations */

/* WSP_AGAIN when there is nothing to do. */
int wsp_next_action(wsp_core *core, wsp_action *out);

/* The connection stands (TCP or unix connect succeeded). */
void wsp_link_connected(wsp_core *core, unsigned link);

/* The connection failed or ended.  `why` goes into the log line. */
void wsp_link_closed(wsp_core *core, unsigned link, wsp_str why);

/* Bytes that arrived.  A protocol error shows as a WSP_CLOSE action. */
void wsp_link_input(wsp_core *core, unsigned link, const char *data,
    size_t len);

/* Bytes to write: WSP_AGAIN when there are none.  They stay valid until the
 * next call on this core other than wsp_next_log. */
int wsp_link_output(wsp_core *core, unsigned link, wsp_str *out);

/* The first `len` of them were written. */
void wsp_link_written(wsp_core *core, unsigned link, size_t len);


/* -- operations: one request each ---------------------------------------- */

/*
 * Who is asking.
 *
 * With `jwt` set: the bearer token in `authorization` (the value of that
 * header) says it, and the strings below are not looked at.  With `api_key`
 * set (its data not NULL): the key says the tenant, and the user unless
 * `user` does.  Otherwise the strings are those of a trusted source, no tenant
 * or no user meaning nobody.  `admin` is true for 1, on, true and yes; roles
 * and permissions are separated by commas or blanks.
 */
typedef struct {
    const wsp_jwt *jwt;
    wsp_str authorization;
    wsp_str api_key;
    wsp_str tenant;
    wsp_str user;
    wsp_str email;
    wsp_str name;
    wsp_str roles;
    wsp_str permissions;
    wsp_str admin;
} wsp_identity;

/* Everything in a request is borrowed until wsp_op_free, the struct itself
 * and the array of headers included. */
typedef struct {
    size_t size;
    int dialect;                /* enum wsp_dialect */
    wsp_str method;             /* "GET"; HEAD is answered as GET */
    wsp_str path;               /* below the mount, percent-encoded: "",
                                   "/", "/17/members/a%2Fb" */
    wsp_str mount;              /* the mount's path, percent-encoded, without
                                   a slash at its end; for Link: headers */
    wsp_str query;              /* without "?", as it came */
    wsp_str body;
    wsp_str request_id;         /* shown as X-Request-ID; may be empty */
    const wsp_header *headers;  /* names in any case, several of one name
                                   as several */
    size_t header_count;
    wsp_identity identity;
} wsp_request;

typedef struct {
    unsigned status;
    wsp_str content_type;       /* empty: no body (304) */
    wsp_str body;               /* also for HEAD: the driver leaves it out */
    const wsp_header *headers;  /* all others, X-Request-ID among them */
    size_t header_count;
    int secret;                 /* the body holds a secret: wipe copies */
} wsp_response;                 /* borrowed until wsp_op_free */

/*
 * Starts an operation.  WSP_OK: it is finished already, its response is
 * there, and wsp_next_done will not name it.  WSP_AGAIN: wsp_next_done will
 * return it.  WSP_NOMEM: there is none.  `data` is the driver's.
 */
int wsp_op_new(wsp_op **out, wsp_core *core, const wsp_request *request,
    void *data);

/*
 * A finished operation whose response is the dialect's error for a status
 * that the driver found out by itself (400, 408, 413, 429, 500, 503 ...).
 * The core only counts it; NULL: nobody does.  WSP_OK or WSP_NOMEM.
 */
int wsp_op_new_error(wsp_op **out, wsp_core *core, int dialect,
    unsigned status, wsp_str request_id);

/* The contract by which access is asked for, and refusals are told. */
enum wsp_access_errors {
    WSP_ERRORS_PROBLEM = 0,     /* problem details (RFC 9457) */
    WSP_ERRORS_PARTNER = 1      /* the partner dialect's, for entity requests */
};

/*
 * Access: may this caller act in the workspace that the request names?
 *
 * The workspace is named by the header `id_header` ("X-Workspace-ID" when
 * empty), else by `external_header` ("X-ATS-Client-ID"), else it is the
 * caller's active one.  A header given twice, or no single id, is refused,
 * and never replaced by the next source.  Of the headers it looks at these
 * two and Workspace-Revision.  Everything is borrowed until wsp_op_free.
 *
 * With WSP_ERRORS_PARTNER only `external_header` names it, the identity is
 * the API key of a partner, and the user whom the identity must name then
 * needs to be a member: a key alone opens nothing.  Of the headers it also
 * looks at X-ATS-User-ID, which may be given once.
 */
typedef struct {
    size_t size;
    int errors;                 /* enum wsp_access_errors */
    wsp_identity identity;
    const wsp_header *headers;
    size_t header_count;
    wsp_str id_header;
    wsp_str external_header;
    wsp_str permission;         /* "resource:action"; empty: membership */
    wsp_str request_id;
    int with_settings;          /* wsp_op_setting will be asked */
} wsp_access_request;

enum wsp_verdict {
    WSP_ALLOWED = 1,
    WSP_REFUSED = 2,            /* 401, 403, 404 ... */
    WSP_UNDECIDED = 3           /* 503: nothing could be asked; refuse */
};

typedef struct {
    int verdict;
    wsp_str reason;             /* one word: "member", "no_permission" ... */
    wsp_str workspace_id;       /* these are empty where not known */
    wsp_str external_id;
    wsp_str name;
    wsp_str tenant;
    wsp_str user;
    wsp_str roles;              /* separated by commas */
    wsp_str permissions;        /* separated by commas */
    wsp_str revision;
} wsp_decision;                 /* borrowed until wsp_op_free */

/* Like wsp_op_new; the response of the operation is the refusal, in the shape
 * that `errors` says, or 200 without a body. */
int wsp_access_new(wsp_op **out, wsp_core *core,
    const wsp_access_request *request, void *data);

/* Of a finished access operation; NULL of any other. */
const wsp_decision *wsp_op_decision(const wsp_op *op);

/* A setting of the workspace that was allowed: a string, number or boolean
 * at the top level of its settings, as text.  WSP_AGAIN: there is none. */
int wsp_op_setting(wsp_op *op, wsp_str name, wsp_str *out);

/* The next finished operation, or NULL.  Each is returned once. */
wsp_op *wsp_next_done(wsp_core *core);

/* The driver's deadline passed: the operation is given up and has a 503
 * response now; wsp_next_done will not name it.  What it already wrote to
 * Redis may still take effect. */
void wsp_op_expire(wsp_op *op);

void *wsp_op_data(const wsp_op *op);
const wsp_response *wsp_op_response(const wsp_op *op);

/* The route's operation label ("workspace.get"), "none" before a route was
 * found.  Static. */
wsp_str wsp_op_label(const wsp_op *op);

/* Ends the operation at any time: an unfinished one is cancelled, and its
 * replies will be dropped as they come.  NULL ok. */
void wsp_op_free(wsp_op *op);


/* -- jobs: what is to be sent, from an outbox that outlives the worker ---- */

/*
 * Each is carried out at least once.  A job that the driver has ends with
 * wsp_job_done; one that ends in no way within WSP_JOB_MS, or with its worker,
 * is taken again, perhaps by another worker.
 */
enum wsp_job_kind {
    WSP_JOB_MAIL = 1,       /* one mail, to the server that is configured */
    WSP_JOB_HTTP = 2        /* one request, to a host that a partner named */
};

typedef struct {
    size_t size;
    int kind;
    uint64_t number;
} wsp_job;

/* WSP_AGAIN when there is none.  Set `size` before. */
int wsp_next_job(wsp_core *core, wsp_job *out);

/*
 * A mail is spoken by the core over a connection that the driver has opened
 * to the server, encrypted where it is to be, and logged in to (after EHLO,
 * STARTTLS and AUTH).  Output stays valid until the next call about this job.
 * wsp_job_input returns WSP_OK when the dialog is over: write what there is
 * once more, without waiting, close the connection, and call wsp_job_done.
 */
int wsp_job_output(wsp_core *core, uint64_t number, wsp_str *out);
void wsp_job_written(wsp_core *core, uint64_t number, size_t len);
int wsp_job_input(wsp_core *core, uint64_t number, const char *data,
    size_t len);

/*
 * A job of HTTP is one POST.  The driver looks the host up, connects only to
 * a public address (wsp_is_public_address), checks the certificate of https
 * against the host, follows no redirect, and gives up after 5 seconds, unless
 * it was told otherwise.  All texts end with a NUL, that of `body` not
 * counting, and are borrowed until wsp_job_done; headers hold no CR or LF.
 */
typedef struct {
    size_t size;
    wsp_str url;            /* "https://host[:port]/path?query", in ASCII; no
                               user, no fragment */
    wsp_str host;           /* of the url, in lower case: a name, an IPv4
                               address, or an IPv6 address without brackets */
    unsigned port;
    int https;              /* else http */
    const wsp_header *headers;      /* without Host and Content-Length */
    size_t header_count;
    wsp_str body;
} wsp_http_request;

/* WSP_AGAIN: the driver has no such job.  Set `size` before. */
int wsp_job_request(wsp_core *core, uint64_t number, wsp_http_request *out);

/* The whole answer came: its status, the value of Retry-After (or empty), and
 * the first WSP_ANSWER_MAX bytes of its body, all copied.  Then call
 * wsp_job_done: where there was an answer, that decides what becomes of the
 * job, and `outcome` does not count.  Without an answer, say why. */
void wsp_job_response(wsp_core *core, uint64_t number, unsigned status,
    wsp_str retry_after, wsp_str body);

enum wsp_job_outcome {
    WSP_JOB_DONE = 1,
    WSP_JOB_RETRY = 2,      /* later, perhaps */
    WSP_JOB_AWAY = 3,       /* the same; and the server cannot be reached, so
                               others are held back */
    WSP_JOB_FAILED = 4      /* for good */
};

/* Where the dialog is over or an answer came, what came of it counts, else
 * `outcome`.  The reason is a few words; retry_after_ms the least time until
 * the next try, or 0. */
void wsp_job_done(wsp_core *core, uint64_t number, int outcome,
    wsp_str reason, int64_t retry_after_ms);

/* FFI-END */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* WORKSPACES_H */
