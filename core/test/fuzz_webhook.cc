// The header of a webhook, up to the first newline, and its body.  In the
// header "\1" and "\2" stand for what the two secrets make of the body now,
// "\3" for a secret that is nobody's, "\4" for the time; "\5" for the first
// secret's a second too early, "\6" for that time.
//
// Only who has one of the secrets, and not long ago, passes.
#include "fuzz_core.h"

namespace {

constexpr int64_t now_s = 1767225600;
constexpr std::string_view secrets[] = {"whs_one", "whs_two", "whs_none"};

std::string signature(std::string_view secret, int64_t time,
                      std::string_view body) {
  char out[WSP_SIGNATURE_SIZE];
  wsp_webhook_sign(out, str(secret), time, str(body));
  return out;
}

std::string mac(std::string_view secret, int64_t time,
                std::string_view body) {
  const std::string made = signature(secret, time, body);
  return made.substr(made.find("v1=") + 3);
}

// Whether one of the two made it at a time within the tolerance.
bool is_signed(std::string_view header, std::string_view body) {
  for (int64_t time = now_s - 300; time <= now_s + 300; time++) {
    const std::string its = "t=" + std::to_string(time);
    if (header.find(its) == header.npos) {
      continue;
    }
    for (size_t i = 0; i < 2; i++) {
      if (header.find(mac(secrets[i], time, body)) != header.npos) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\n');
  const std::string body(end == input.npos ? std::string_view()
                                           : input.substr(end + 1));
  std::string header;
  for (char c : input.substr(0, end)) {
    if (c >= 1 && c <= 3) {
      header += mac(secrets[c - 1], now_s, body);
    } else if (c == 4) {
      header += std::to_string(now_s);
    } else if (c == 5) {
      header += mac(secrets[0], now_s - 301, body);
    } else if (c == 6) {
      header += std::to_string(now_s - 301);
    } else {
      header += c;
    }
  }
  header.shrink_to_fit();
  const wsp_str valid[] = {str(secrets[0]), str(secrets[1])};
  if (wsp_webhook_check(str(header), valid, 2, str(body), now_s * 1000) != 0) {
    must(is_signed(header, body));
    // a byte more, and it is none any more
    must(wsp_webhook_check(str(header), valid, 2, str(body + "x"),
                           now_s * 1000) == 0);
  }
  must(wsp_webhook_check(str(header), valid, 0, str(body), now_s * 1000) == 0);
  const std::string ours = signature(secrets[0], now_s, body);
  must(wsp_webhook_check(str(ours), valid, 1, str(body), now_s * 1000) == 1);
  return 0;
}
