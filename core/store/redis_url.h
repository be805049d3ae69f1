// Where Redis is and how to log in (wsp_redis_parse in workspaces.h).
#ifndef WORKSPACES_STORE_REDIS_URL_H
#define WORKSPACES_STORE_REDIS_URL_H

#include <string>
#include <string_view>

namespace wsp {

struct redis_url {
  std::string path;  // unix socket, or empty
  std::string host;
  unsigned port = 6379;
  unsigned database = 0;
  std::string user;
  std::string password;

  ~redis_url();

  // Returns a sentence that says what to write instead, empty when all is
  // well.  It never shows user or password.
  std::string parse(std::string_view url);
};

}  // namespace wsp

struct wsp_redis {
  wsp::redis_url url;
};

#endif  // WORKSPACES_STORE_REDIS_URL_H
