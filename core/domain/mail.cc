#include "domain/mail.h"

#include <sodium.h>
#include <time.h>

#include <algorithm>

#include "engine/core.h"
#include "seal/envelope.h"
#include "store/keys.h"
#include "store/link.h"
#include "store/trip.h"
#include "text/json.h"
#include "text/text.h"

namespace {

constexpr std::string_view token_place = "{token}";

bool is_between(char c, char from, char to) noexcept {
  return c >= from && c <= to;
}

bool is_letter_or_digit(char c) noexcept {
  return is_between(c, 'a', 'z') || is_between(c, 'A', 'Z') ||
         is_between(c, '0', '9');
}

// RFC 5322, 3.2.3.
bool is_atom(std::string_view text) noexcept {
  constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || others.find(c) != others.npos;
  });
}

bool is_host_label(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 63 && text.front() != '-' &&
         text.back() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

template <class Is>
bool are_dotted(std::string_view text, Is is) noexcept {
  while (true) {
    size_t dot = text.find('.');
    if (!is(text.substr(0, dot))) {
      return false;
    }
    if (dot == text.npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

// What may stand in a link: printable ASCII without what would end it in HTML
// or in a text.
bool is_link_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '<' && c != '>' && c != '\\';
  });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

std::string wsp_mail::parse(std::string_view from,
                            std::string_view invitation_url) {
  std::string_view shown;
  std::string_view plain = trimmed(from);
  size_t open = plain.find('<');
  if (open != plain.npos && plain.back() == '>') {
    shown = trimmed(plain.substr(0, open));
    plain = plain.substr(open + 1, plain.size() - open - 2);
  }
  if (!wsp::is_mail_address(plain) || !wsp::utf8_length(shown) ||
      wsp::has_control(shown) || shown.size() > 255) {
    return "the sender is no mail address: write \"name@example.com\" or "
           "\"Name <name@example.com>\"";
  }
  size_t at = invitation_url.find(token_place);
  bool http = invitation_url.substr(0, 7) == "http://";
  bool https = invitation_url.substr(0, 8) == "https://";
  size_t host = https ? 8 : 7;
  if ((!http && !https) || at == invitation_url.npos || at <= host ||
      invitation_url.find(token_place, at + 1) != invitation_url.npos ||
      invitation_url[host] == '/' || invitation_url.size() > 1000 ||
      invitation_url.substr(0, at).find('/', host) == invitation_url.npos ||
      !is_link_text(invitation_url)) {
    return "the link of invitations is an http or https URL with {token} in "
           "its path, query or fragment: write "
           "'https://example.com/invitations/{token}'";
  }
  name = shown;
  address = plain;
  before = invitation_url.substr(0, at);
  after = invitation_url.substr(at + token_place.size());
  return {};
}

namespace wsp {

namespace {

// Lines of a base64 body, and of encoded words, in characters.
constexpr size_t line_max = 76;

std::string_view base64(arena& memory, std::string_view bytes) {
  size_t room =
      sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  char* out = memory.bytes(room);
  sodium_bin2base64(out, room,
                    reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  return {out, room - 1};
}

// A name as it may stand in a header or a line: valid UTF-8, and a blank for
// each control character.
std::string_view one_line(arena& memory, std::string_view text) {
  if (!utf8_length(text)) {
    return {};
  }
  if (!has_control(text)) {
    return text;
  }
  char* out = memory.bytes(text.size());
  unsigned char before = 0;
  for (size_t i = 0; i < text.size(); i++) {
    auto c = static_cast<unsigned char>(text[i]);
    bool c1 = before == 0xc2 && c >= 0x80 && c < 0xa0;
    if (c1) {
      out[i - 1] = ' ';
    }
    out[i] = c < 0x20 || c == 0x7f || c1 ? ' ' : text[i];
    before = c;
  }
  return {out, text.size()};
}

bool is_plain(std::string_view text) noexcept {
  return text.size() <= 60 && text.find("=?") == text.npos &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

// RFC 2047: words of at most 75 characters, each with whole characters of
// UTF-8 in it, a line for each.
void put_encoded_words(arena& memory, buffer& out, std::string_view text) {
  constexpr size_t most = 45;  // bytes; 60 in base64
  while (!text.empty()) {
    size_t size = std::min(text.size(), most);
    while (size < text.size() &&
           (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
      size--;
    }
    out.put("=?UTF-8?B?");
    out.put(base64(memory, text.substr(0, size)));
    out.put("?=");
    text.remove_prefix(size);
    if (!text.empty()) {
      out.put("\r\n ");
    }
  }
}

void put_text_header(arena& memory, buffer& out, std::string_view name,
                     std::string_view text) {
  out.put(name);
  if (is_plain(text)) {
    out.put(text);
  } else {
    put_encoded_words(memory, out, text);
  }
  out.put("\r\n");
}

void put_mailbox(arena& memory, buffer& out, std::string_view header,
                 std::string_view name, std::string_view address) {
  out.put(header);
  if (!name.empty() && is_plain(name)) {
    out.put('"');
    for (char c : name) {
      if (c == '"' || c == '\\') {
        out.put('\\');
      }
      out.put(c);
    }
    out.put("\"\r\n ");
  } else if (!name.empty()) {
    put_encoded_words(memory, out, name);
    out.put("\r\n ");
  }
  out.put("<");
  out.put(address);
  out.put(">\r\n");
}

void put_base64_lines(arena& memory, buffer& out, std::string_view text) {
  std::string_view code = base64(memory, text);
  while (!code.empty()) {
    out.put(code.substr(0, line_max));
    out.put("\r\n");
    code.remove_prefix(std::min(code.size(), line_max));
  }
}

void put_html(buffer& out, std::string_view text) {
  for (char c : text) {
    switch (c) {
      case '&':
        out.put("&amp;");
        break;
      case '<':
        out.put("&lt;");
        break;
      case '>':
        out.put("&gt;");
        break;
      case '"':
        out.put("&quot;");
        break;
      case '\'':
        out.put("&#39;");
        break;
      default:
        out.put(c);
    }
  }
}

void put_two_digits(buffer& out, int value) {
  out.put(static_cast<char>('0' + value / 10 % 10));
  out.put(static_cast<char>('0' + value % 10));
}

struct tm utc_of(int64_t unix_ms) noexcept {
  time_t seconds = unix_ms / 1000;
  struct tm parts {};
  gmtime_r(&seconds, &parts);
  return parts;
}

// RFC 5322, 3.3.
void put_date(buffer& out, int64_t unix_ms) {
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed",
                                  "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  struct tm parts = utc_of(unix_ms);
  out.put(days[parts.tm_wday]);
  out.put(", ");
  out.number(parts.tm_mday);
  out.put(' ');
  out.put(months[parts.tm_mon]);
  out.put(' ');
  out.number(parts.tm_year + 1900);
  out.put(' ');
  put_two_digits(out, parts.tm_hour);
  out.put(':');
  put_two_digits(out, parts.tm_min);
  out.put(':');
  put_two_digits(out, parts.tm_sec);
  out.put(" +0000");
}

// "2026-01-31 14:05 UTC"
std::string_view moment(arena& memory, int64_t unix_ms) {
  std::string_view full = rfc3339(memory, unix_ms);
  return memory.join(full.substr(0, 10), " ", full.substr(11, 5), " UTC");
}

// What the two parts of an invitation say.
struct invitation_words {
  std::string_view greeting;
  std::string_view sentence;
  std::string_view link;
  std::string_view ends;
};

constexpr std::string_view not_expected =
    "If you did not expect this invitation, you can ignore this mail.";

invitation_words words_of(arena& memory, const wsp_mail& mail,
                          const invitation_mail& what) {
  invitation_words out;
  out.greeting = what.guest.empty() ? std::string_view("Hello,")
                                    : memory.join("Hello ", what.guest, ",");
  out.sentence = memory.join(what.inviter, " invites you to the workspace \"",
                             what.workspace, "\"",
                             what.role.empty() ? "" : " as ", what.role, ".");
  out.link =
      memory.join(mail.before, percent_encode(memory, what.token), mail.after);
  out.ends = memory.join("This invitation is valid until ",
                         moment(memory, what.expires), ".");
  return out;
}

std::string_view text_part(arena& memory, const invitation_words& words) {
  return memory.join(words.greeting, "\r\n\r\n", words.sentence,
                     "\r\n\r\nTo accept or decline, open this link:\r\n\r\n",
                     words.link, "\r\n\r\n", words.ends, "\r\n", not_expected,
                     "\r\n");
}

std::string_view html_part(arena& memory, const invitation_words& words) {
  buffer out(memory, 2048);
  out.put(
      "<!DOCTYPE html>\r\n<html lang=\"en\"><head>"
      "<meta charset=\"utf-8\"><title>Invitation</title></head><body>"
      "\r\n<p>");
  put_html(out, words.greeting);
  out.put("</p>\r\n<p>");
  put_html(out, words.sentence);
  out.put("</p>\r\n<p><a href=\"");
  put_html(out, words.link);
  out.put("\">Accept or decline the invitation</a></p>\r\n<p>");
  put_html(out, words.ends);
  out.put("<br>\r\n");
  put_html(out, not_expected);
  out.put("</p>\r\n</body></html>\r\n");
  return out.view();
}

// Nothing in it changes from one try to the next: who gets it twice can tell.
std::string_view render(arena& memory, const wsp_mail& mail,
                        const invitation_mail& what, std::string_view id,
                        int64_t created) {
  std::string_view host =
      std::string_view(mail.address).substr(mail.address.find('@') + 1);
  invitation_words words = words_of(memory, mail, what);
  buffer out(memory, 8192);
  put_mailbox(memory, out, "From: ", mail.name, mail.address);
  put_mailbox(memory, out, "To: ", what.guest, what.email);
  put_text_header(memory, out,
                  "Subject: ", memory.join("Invitation to ", what.workspace));
  out.put("Date: ");
  put_date(out, created);
  out.put("\r\nMessage-ID: <");
  out.put(id);
  out.put("@");
  out.put(host);
  out.put(
      ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative; boundary=\"=_");
  out.put(id);
  out.put("\"\r\n");
  const struct {
    std::string_view type;
    std::string_view text;
  } parts[] = {{"text/plain", text_part(memory, words)},
               {"text/html", html_part(memory, words)}};
  for (const auto& part : parts) {
    out.put("\r\n--=_");
    out.put(id);
    out.put("\r\nContent-Type: ");
    out.put(part.type);
    out.put("; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    put_base64_lines(memory, out, part.text);
  }
  out.put("\r\n--=_");
  out.put(id);
  out.put("--\r\n");
  return out.view();
}

// As its key has it.
std::string_view hash_of(arena& memory, std::string_view token) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest,
                     reinterpret_cast<const unsigned char*>(token.data()),
                     token.size());
  return hex(memory, {reinterpret_cast<char*>(digest), sizeof digest});
}

// The payload: sealed for no workspace, in a slot that none has.
seal_place place_of(arena& memory, std::string_view tenant,
                    std::string_view id) {
  return {tenant, 0, memory.join("outbox:", id)};
}

}  // namespace

bool is_mail_address(std::string_view text) noexcept {
  size_t sign = text.find('@');
  return sign != text.npos && sign <= 64 && text.size() <= 254 &&
         are_dotted(text.substr(0, sign), is_atom) &&
         are_dotted(text.substr(sign + 1), is_host_label);
}

problem queue_invitation_mail(operation& op, commit& change,
                              const invitation_mail& what) {
  if (op.core->mail == nullptr) {
    return {};
  }
  if (!is_mail_address(what.email)) {
    return {fault::invalid,
            "no mail can be sent to this address: it must be ASCII, like "
            "name@example.com",
            "email"};
  }
  arena& memory = arena_of(op);
  memory.wipe_when_freed();
  json_writer out(memory);
  out.open_object().key("email").string(what.email);
  out.key("guest").string(one_line(memory, what.guest));
  out.key("workspace").string(one_line(memory, what.workspace));
  out.key("inviter").string(one_line(memory, what.inviter));
  out.key("role").string(one_line(memory, what.role));
  out.key("token").string(what.token);
  out.key("expires").number(what.expires).close_object();
  job queued;
  queued.id = new_job_id(op);
  queued.tenant = op.who.tenant;
  queued.payload = seal(memory, *keyring_of(op), random_of(op),
                        place_of(memory, queued.tenant, queued.id), out.view());
  enqueue(op, change, job_kind::mail, queued);
  return {};
}

flow<result<letter>> write_letter(operation& op, const job& what) {
  arena& memory = arena_of(op);
  opened_blob opened =
      open_sealed(memory, *keyring_of(op),
                  place_of(memory, what.tenant, what.id), what.payload);
  if (opened.how == unsealed::unknown_key) {
    co_return problem{fault::unavailable,
                      "sealed under a key that is not in the key file"};
  }
  auto parsed = json_parse(memory, opened.plain);
  if (opened.how != unsealed::opened || !parsed.ok()) {
    co_return problem{fault::refused, "what was sealed does not open"};
  }
  const json_t* root = parsed.value.root();
  auto text = [&](const char* name) {
    return json_text(json_object_get(root, name));
  };
  invitation_mail mail{text("email"),   text("guest"), text("workspace"),
                       text("inviter"), text("role"),  text("token")};
  mail.expires = json_integer_value(json_object_get(root, "expires"));
  if (mail.expires <= now_of(op)) {
    co_return problem{fault::refused,
                      "the invitation expired before it could be sent"};
  }
  // It may have been revoked, answered or sent anew since.
  key_names names(memory, what.tenant, link_of(op).partitions());
  trip asking(op);
  asking.add({"HGET", names.invitation(hash_of(memory, mail.token)),
              "status"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (asking[0].str() != "pending") {
    co_return problem{fault::not_found, "the invitation is not pending"};
  }
  const wsp_mail& sender = *op.core->mail;
  letter out;
  out.from = sender.address;
  out.to = memory.copy(mail.email);
  out.message = render(memory, sender, mail, what.id, what.created);
  co_return out;
}

}  // namespace wsp
