// Network addresses: which of them are public.
#ifndef WORKSPACES_TEXT_ADDRESS_H
#define WORKSPACES_TEXT_ADDRESS_H

#include <array>

namespace wsp {

using ipv4 = std::array<unsigned char, 4>;
using ipv6 = std::array<unsigned char, 16>;

// A host on the internet, by the registries of special-purpose addresses
// (RFC 6890 and its successors): not this host, no private or shared network,
// no link, no group, no documentation.  An IPv6 address that stands for an
// IPv4 one (mapped, NAT64, 6to4) is what that is.
bool is_public(const ipv4& address) noexcept;
bool is_public(const ipv6& address) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_TEXT_ADDRESS_H
