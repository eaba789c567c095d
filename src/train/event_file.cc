#include "train/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "io/append.h"

namespace roberta {
namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

void append_little_endian(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

/// TFRecord masks its checksums, since data may itself hold checksums.
void append_masked_crc(std::string& out, std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  append_little_endian(out, ((crc >> 15) | (crc << 17)) + 0xA282EAD8u, 4);
}

// Protocol Buffers: a field is its key (number << 3 | kind), then the value.
enum Kind : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
void append_varint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  out += static_cast<char>(value);
}
void append_key(std::string& out, uint32_t field, Kind kind) { append_varint(out, field << 3 | kind); }
void append_bytes(std::string& out, uint32_t field, std::string_view bytes) {
  append_key(out, field, kBytes);
  append_varint(out, bytes.size());
  out += bytes;
}

/// message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
///                 SessionLog session_log = 7; }
std::string event(int64_t step) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  uint64_t bits;
  const double seconds = now.count();
  std::memcpy(&bits, &seconds, 8);
  std::string out;
  append_key(out, 1, kFixed64);
  append_little_endian(out, bits, 8);
  append_key(out, 2, kVarint);
  append_varint(out, static_cast<uint64_t>(step));
  return out;
}

/// message Summary { message Value { string tag = 1; float simple_value = 2; } repeated Value value = 1; }
std::string summary(std::span<const EventFile::Scalar> scalars) {
  std::string out;
  for (const auto& [tag, number] : scalars) {
    const float single = static_cast<float>(number);
    uint32_t bits;
    std::memcpy(&bits, &single, 4);
    std::string value;
    append_bytes(value, 1, tag);
    append_key(value, 2, kFixed32);
    append_little_endian(value, bits, 4);
    append_bytes(out, 1, value);
  }
  return out;
}

/// TensorBoard knows such files by "tfevents" in the name; the time makes it new, and sorts.
std::string file_name() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  char host[256] = "host";
  gethostname(host, sizeof host - 1);
  return concat("events.out.tfevents.", std::chrono::duration_cast<std::chrono::seconds>(now).count(), ".",
                host, ".", getpid(), ".roberta");
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, int64_t resumed_step) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  path_ = folder / file_name();
  fd_ = open_to_append(path_, "log");
  std::string version = event(0);
  append_bytes(version, 3, "brain.Event:2");
  write_record(version);
  if (resumed_step > 0) {
    std::string start = event(resumed_step + 1), session;
    append_key(session, 1, kVarint);
    append_varint(session, 1);  // SessionLog { status = START }: drops what earlier files say from here on
    append_bytes(start, 7, session);
    write_record(start);
  }
}

EventFile::~EventFile() { close(fd_); }

void EventFile::write(int64_t step, std::span<const Scalar> scalars) {
  std::string record = event(step);
  append_bytes(record, 5, summary(scalars));
  write_record(record);
}

void EventFile::write_record(std::string_view data) {
  std::string out;
  append_little_endian(out, data.size(), 8);
  append_masked_crc(out, out);
  out += data;
  append_masked_crc(out, data);
  append_fully(fd_, out, path_, "log");
}

}  // namespace roberta
