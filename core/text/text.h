// Small texts: percent encoding, UTF-8, decimals, times, hexadecimal.
#ifndef WORKSPACES_TEXT_TEXT_H
#define WORKSPACES_TEXT_TEXT_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/arena.h"

namespace wsp {

// Code points in well-formed UTF-8 (RFC 3629); nothing when it is not.
std::optional<size_t> utf8_length(std::string_view text) noexcept;

// Whether a control character is in it: C0, DEL, or C1 (U+0080 to U+009F).
bool has_control(std::string_view text) noexcept;

// Calls visit(part) for each part of a comma list.
template <class Visit>
void each_part(std::string_view commas, Visit visit) {
  while (!commas.empty()) {
    size_t comma = commas.find(',');
    visit(commas.substr(0, comma));
    commas = comma == commas.npos ? std::string_view()
                                  : commas.substr(comma + 1);
  }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

// ASCII only: what e-mail addresses and header names are compared by.
std::string_view lower_case(arena& memory, std::string_view text);

// Undoes %XX, and "+" as a blank where asked; nothing when a "%" is not
// followed by two hexadecimal digits.
enum class plus { is_itself, is_blank };
std::optional<std::string_view> percent_decode(arena& memory,
                                               std::string_view text,
                                               plus meaning);

// Everything but [A-Za-z0-9_.~-] as %XX: injective, and its result holds no
// ":", "{", "}", "/", blank or control character.
std::string_view percent_encode(arena& memory, std::string_view text);

// A canonical decimal (no sign, no leading zero) of 1..2^53.
std::optional<int64_t> parse_id(std::string_view text) noexcept;

// A decimal that may be negative, nothing around it.
std::optional<int64_t> parse_integer(std::string_view text) noexcept;

std::string_view decimal(arena& memory, int64_t value);

// "2025-01-01T00:00:00.000Z" (RFC 3339) of milliseconds since the epoch.
std::string_view rfc3339(arena& memory, int64_t unix_ms);
// The same without the fraction.
std::string_view rfc3339_seconds(arena& memory, int64_t unix_ms);

// Lower-case hexadecimal.
std::string_view hex(arena& memory, std::string_view bytes);

}  // namespace wsp

#endif  // WORKSPACES_TEXT_TEXT_H
