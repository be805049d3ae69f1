#include "text/address.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace wsp {

namespace {

template <class Address>
struct block {
  Address first;
  unsigned bits;
};

template <class Address>
bool is_in(const Address& address, const block<Address>& of) noexcept {
  size_t whole = of.bits / 8;
  auto rest = static_cast<unsigned char>(0xff00 >> of.bits % 8);
  return std::equal(address.begin(), address.begin() + whole,
                    of.first.begin()) &&
         (of.bits % 8 == 0 || ((address[whole] ^ of.first[whole]) & rest) == 0);
}

constexpr block<ipv4> special4[] = {
    {{0, 0, 0, 0}, 8},       // this network
    {{10, 0, 0, 0}, 8},      // private
    {{100, 64, 0, 0}, 10},   // shared by customers of a carrier
    {{127, 0, 0, 0}, 8},     // this host
    {{169, 254, 0, 0}, 16},  // link
    {{172, 16, 0, 0}, 12},   // private
    {{192, 0, 0, 0}, 24},    // protocols
    {{192, 0, 2, 0}, 24},    // documentation
    {{192, 88, 99, 0}, 24},  // relays of 6to4
    {{192, 168, 0, 0}, 16},  // private
    {{198, 18, 0, 0}, 15},   // benchmarks
    {{198, 51, 100, 0}, 24}, // documentation
    {{203, 0, 113, 0}, 24},  // documentation
    {{224, 0, 0, 0}, 4},     // groups
    {{240, 0, 0, 0}, 4},     // reserved, broadcast
};

// What is given out as global unicast, and what of it is not.
constexpr block<ipv6> unicast6 = {{0x20}, 3};
constexpr block<ipv6> special6[] = {
    {{0x20, 0x01, 0x00}, 23},        // protocols, Teredo, ORCHID, benchmarks
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x3f, 0xff, 0x00}, 20},        // documentation
};

// Those that stand for an IPv4 address, and where that is in them.
constexpr struct {
  block<ipv6> of;
  size_t at;
} standing_for4[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12},  // mapped
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},                    // NAT64
    {{{0x20, 0x02}, 16}, 2},                                 // 6to4
};

template <class Address, size_t count>
bool is_in_any(const Address& address,
               const block<Address> (&blocks)[count]) noexcept {
  return std::any_of(std::begin(blocks), std::end(blocks),
                     [&](const auto& each) { return is_in(address, each); });
}

}  // namespace

bool is_public(const ipv4& address) noexcept {
  return !is_in_any(address, special4);
}

bool is_public(const ipv6& address) noexcept {
  for (const auto& each : standing_for4) {
    if (is_in(address, each.of)) {
      ipv4 inner;
      std::copy_n(address.begin() + each.at, inner.size(), inner.begin());
      return is_public(inner);
    }
  }
  return is_in(address, unicast6) && !is_in_any(address, special6);
}

}  // namespace wsp
