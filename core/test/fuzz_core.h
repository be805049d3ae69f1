// What the fuzz targets share: a core whose Redis is fake.h, and the clock.
#ifndef TEST_FUZZ_CORE_H
#define TEST_FUZZ_CORE_H

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "fake.h"
#include "workspaces.h"

inline wsp_str str(std::string_view text) { return {text.data(), text.size()}; }

inline void must(bool truth) {
  if (!truth) {
    std::abort();
  }
}

class fuzz_core {
 public:
  explicit fuzz_core(size_t cache_size = 0) {
    char error[WSP_ERROR_SIZE];
    must(wsp_redis_parse(&redis_, str("redis://h"), error) == WSP_OK);
    must(wsp_keyring_parse(
             &keys_,
             str("k AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
             error) == WSP_OK);
    wsp_core_options options{};
    options.size = sizeof options;
    options.redis = redis_;
    options.keyring = keys_;
    options.timeout_ms = 1000;
    options.connect_timeout_ms = 1000;
    options.queue = 16;
    options.client_name = str("fuzz");
    options.cache_size = cache_size;
    options.max_stale_ms = 1000;
    must(wsp_core_new(&core_, &options) == WSP_OK);
    now(1000);
    turn();
    serve();
    serve(1);
  }
  ~fuzz_core() {
    wsp_core_free(core_);
    wsp_keyring_free(keys_);
    wsp_redis_free(redis_);
    bytes_free(&sent_[0]);
    bytes_free(&sent_[1]);
  }
  fuzz_core(const fuzz_core&) = delete;
  fuzz_core& operator=(const fuzz_core&) = delete;

  wsp_core* core() { return core_; }
  bool linked(unsigned link = 0) const { return linked_[link]; }
  // What was written and not answered.
  size_t asked(unsigned link = 0) const { return sent_[link].len; }

  void now(uint64_t ms) {
    now_ = ms;
    wsp_core_time(core_, static_cast<int64_t>(1767225600000 + ms), ms);
  }
  void pass(uint64_t ms) {
    now(now_ + ms);
    if (now_ >= wsp_next_timer(core_)) {
      wsp_core_tick(core_);
    }
    turn();
  }

  // Actions and output; connections stand at once.
  void turn() {
    wsp_action action;
    while (wsp_next_action(core_, &action) == WSP_OK) {
      linked_[action.link] = action.type == WSP_CONNECT;
      bytes_clear(&sent_[action.link]);
      if (linked_[action.link]) {
        wsp_link_connected(core_, action.link);
      }
    }
    for (unsigned link = 0; link < WSP_LINKS; link++) {
      wsp_str out;
      while (wsp_link_output(core_, link, &out) == WSP_OK) {
        bytes_put(&sent_[link], out.data, out.len);
        wsp_link_written(core_, link, out.len);
      }
    }
    wsp_log line;
    while (wsp_next_log(core_, &line) == WSP_OK) {
      for (size_t i = 0; i < line.text.len; i++) {
        must(static_cast<unsigned char>(line.text.data[i]) >= 0x20);
      }
    }
  }

  void feed(const void* data, size_t size, unsigned link = 0) {
    // Of its size: reading past it is seen.
    std::string copy(static_cast<const char*>(data), size);
    copy.shrink_to_fit();
    wsp_link_input(core_, link, copy.data(), copy.size());
    turn();
  }

  // Plays Redis until nothing more is asked.
  void serve(unsigned link = 0) {
    for (int i = 0; i < 10000 && sent_[link].len != 0; i++) {
      bytes replies{};
      if (fake_serve(&sent_[link], &replies) == 0) {
        bytes_free(&replies);
        return;
      }
      feed(replies.data, replies.len, link);
      bytes_free(&replies);
    }
  }

  void lose(unsigned link = 0) {
    linked_[link] = false;
    bytes_clear(&sent_[link]);
    wsp_link_closed(core_, link, str("lost"));
    turn();
  }

 private:
  wsp_redis* redis_ = nullptr;
  wsp_keyring* keys_ = nullptr;
  wsp_core* core_ = nullptr;
  bytes sent_[WSP_LINKS]{};
  uint64_t now_ = 0;
  bool linked_[WSP_LINKS]{};
};

// What no response may lack, whatever was asked.
inline void check_response(const wsp_op* op) {
  const wsp_response* got = wsp_op_response(op);
  must(got->status >= 200 && got->status < 600);
  must((got->status == 304) == (got->content_type.len == 0));
  must(got->status == 304 || got->body.len > 0);
  for (size_t i = 0; i < got->header_count; i++) {
    const wsp_str value = got->headers[i].value;
    must(got->headers[i].name.len > 0);
    for (size_t k = 0; k < value.len; k++) {
      auto c = static_cast<unsigned char>(value.data[k]);
      must(c >= 0x20 && c != 0x7f);  // no header is split
    }
  }
}

#endif  // TEST_FUZZ_CORE_H
