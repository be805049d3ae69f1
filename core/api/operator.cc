// The operator surface, for the people who run the gateway: tenants, partners
// and what is sent to them, and what must be done now and then.  Who gets here
// is said by the configuration of the driver; no identity is asked for.
// Errors are problem details (RFC 9457).
#include "api/dialect.h"
#include "api/operator_outbox.h"
#include "api/operator_partners.h"
#include "api/operator_tenants.h"
#include "api/problem.h"

namespace wsp {

namespace {

namespace outbox = operator_outbox;
namespace partners = operator_partners;
namespace tenants = operator_tenants;

constexpr wsp_needs needs = WSP_NEEDS_OPERATOR;

constexpr route routes[] = {
    {"GET", "/partners", "partner.list", needs, partners::list_all},
    {"POST", "/partners", "partner.register", needs, partners::register_one},
    {"GET", "/partners/{partner}", "partner.get", needs, partners::get_one},
    {"PATCH", "/partners/{partner}", "partner.update", needs,
     partners::update_one},
    {"POST", "/partners/{partner}/api-key", "partner.rotate_key", needs,
     partners::rotate_key},
    {"POST", "/partners/{partner}/secrets/incoming",
     "partner.rotate_incoming", needs, partners::rotate_incoming},
    {"POST", "/partners/{partner}/secrets/outgoing",
     "partner.rotate_outgoing", needs, partners::rotate_outgoing},
    {"GET", "/partners/{partner}/deliveries", "delivery.list", needs,
     outbox::list_deliveries},
    {"GET", "/partners/{partner}/deliveries/{event}", "delivery.get", needs,
     outbox::get_delivery},
    {"POST", "/partners/{partner}/deliveries/{event}/redeliver",
     "delivery.redeliver", needs, outbox::redeliver_one},
    {"GET", "/dead-letters", "dead_letter.list", needs,
     outbox::list_dead_letters},
    {"DELETE", "/dead-letters/{job}", "dead_letter.drop", needs,
     outbox::drop_dead_letter},
    {"POST", "/dead-letters/{job}/retry", "dead_letter.retry", needs,
     outbox::retry_dead_letter},
    {"GET", "/tenants", "tenant.list", needs, tenants::list_all},
    {"GET", "/tenants/{tenant}", "tenant.get", needs, tenants::get_one},
    {"DELETE", "/tenants/{tenant}", "tenant.delete", needs,
     tenants::delete_one},
    {"GET", "/rewrap", "rewrap.get", needs, tenants::get_rewrap},
    {"POST", "/rewrap", "rewrap.start", needs, tenants::start_rewrap},
};

}  // namespace

constinit const dialect operator_dialect = {
    "operator", routes, {}, render_problem, WSP_NEEDS_OPERATOR};

}  // namespace wsp
