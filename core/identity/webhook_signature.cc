#include "identity/webhook_signature.h"

#include <sodium.h>

#include <algorithm>

#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t mac_size = crypto_auth_hmacsha256_BYTES;
// Compared when there are fewer: one and the one before it.
constexpr size_t secrets_min = 2;

const unsigned char* octets(std::string_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

void make_mac(unsigned char (&out)[mac_size], std::string_view secret,
              std::string_view time, std::string_view body) noexcept {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, octets(secret), secret.size());
  crypto_auth_hmacsha256_update(&state, octets(time), time.size());
  crypto_auth_hmacsha256_update(&state, octets("."), 1);
  crypto_auth_hmacsha256_update(&state, octets(body), body.size());
  crypto_auth_hmacsha256_final(&state, out);
  sodium_memzero(&state, sizeof state);
}

// A digit of lower-case hexadecimal, else -1.
int digit_of(char c) noexcept {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                               : -1;
}

bool read_mac(unsigned char (&out)[mac_size], std::string_view text) noexcept {
  if (text.size() != 2 * mac_size) {
    return false;
  }
  for (size_t i = 0; i < mac_size; i++) {
    int high = digit_of(text[2 * i]);
    int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    out[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

// Calls visit(name, value) for each part; false: one of them has no name.
template <class Visit>
bool each_item(std::string_view header, Visit visit) noexcept {
  for (;;) {
    size_t comma = header.find(',');
    std::string_view item = header.substr(0, comma);
    size_t equals = item.find('=');
    if (equals == 0 || equals == item.npos) {
      return false;
    }
    visit(item.substr(0, equals), item.substr(equals + 1));
    if (comma == header.npos) {
      return true;
    }
    header.remove_prefix(comma + 1);
    header.remove_prefix(
        std::min(header.find_first_not_of(" \t"), header.size()));
  }
}

// The text of t: it is signed as it came.  Empty: there is not just one, it
// is no number, or the header is none of this kind.
std::string_view time_in(std::string_view header) noexcept {
  std::string_view time;
  size_t times = 0;
  bool well_formed = each_item(header, [&](auto name, auto value) {
    if (name == "t") {
      time = value;
      times++;
    }
  });
  return well_formed && times == 1 && parse_id(time) ? time
                                                     : std::string_view();
}

bool is_near(std::string_view time, int64_t now_ms) noexcept {
  int64_t away = parse_id(time).value_or(0) - now_ms / 1000;
  return away >= -webhook_tolerance_s && away <= webhook_tolerance_s;
}

}  // namespace

std::string_view sign_webhook(arena& memory,
                              std::span<const std::string_view> secrets,
                              int64_t unix_s, std::string_view body) {
  std::string_view time = decimal(memory, unix_s);
  buffer out(memory, 32 + secrets.size() * (4 + 2 * mac_size));
  out.put("t=");
  out.put(time);
  for (std::string_view secret : secrets) {
    unsigned char mac[mac_size];
    make_mac(mac, secret, time, body);
    out.put(",v1=");
    out.put(hex(memory, {reinterpret_cast<char*>(mac), sizeof mac}));
  }
  return out.view();
}

bool webhook_signature_matches(std::string_view header,
                               std::span<const std::string_view> secrets,
                               std::string_view body,
                               int64_t now_ms) noexcept {
  std::string_view time = time_in(header);
  unsigned matches = 0;
  for (size_t i = 0; i < std::max(secrets.size(), secrets_min); i++) {
    bool counts = i < secrets.size();
    unsigned char made[mac_size];
    make_mac(made, counts ? secrets[i] : "no secret", time, body);
    each_item(header, [&](auto name, auto value) {
      unsigned char given[mac_size];
      if (name == "v1" && read_mac(given, value)) {
        matches |= counts && sodium_memcmp(made, given, mac_size) == 0;
      }
    });
    sodium_memzero(made, sizeof made);
  }
  return matches != 0 && !time.empty() && is_near(time, now_ms);
}

}  // namespace wsp
