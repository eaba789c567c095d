// Any bytes as a shard: rejected with an Error, or a view that can be read from end to end. Checksums keep a
// fuzzer out of what they guard, so they are made right first.
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "core/error.h"
#include "data/shard.h"
#include "data/shard_format.h"

namespace {

using roberta::Digest;
using roberta::ShardFooter;
using roberta::ShardHeader;

/// Where the footer's counts fit the file: the sections' checksums, and that of header and footer.
void mend(std::span<std::byte> bytes) {
  if (bytes.size() < sizeof(ShardHeader) + sizeof(ShardFooter)) return;
  ShardHeader header;
  ShardFooter footer;
  std::byte* const end = bytes.data() + bytes.size() - sizeof footer;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::memcpy(&footer, end, sizeof footer);
  std::memcpy(header.magic, roberta::kShardMagic, 8);
  std::memcpy(footer.magic, roberta::kShardEnd, 8);
  header.version = roberta::kShardVersion;
  header.token_bytes = header.token_bytes % 2 ? 2 : 4;
  footer.file_bytes = bytes.size();
  footer.zero = 0;
  const uint64_t space = bytes.size() - sizeof header - sizeof footer;
  if (footer.tokens <= space && footer.documents <= space && footer.lines <= space) {
    const uint64_t sizes[4] = {footer.tokens * header.token_bytes, 8 * (footer.documents + 1),
                               16 * footer.documents, 4 * footer.lines};
    uint64_t at = 0;
    for (int i = 0; i < 4 && at + sizes[i] <= space; at += roberta::padded(sizes[i++]))
      footer.sections[i] = roberta::digest_of(bytes.subspan(sizeof header + at, sizes[i]));
  }
  std::memcpy(bytes.data(), &header, sizeof header);
  roberta::DigestBuilder self;
  self.add(std::as_bytes(std::span(&header, 1)));
  self.add(std::as_bytes(std::span(&footer, 1)).first(offsetof(ShardFooter, self)));
  footer.self = self.value();
  std::memcpy(end, &footer, sizeof footer);
}

void read_all(const roberta::ShardView& shard) {
  std::vector<int32_t> ids(static_cast<size_t>(shard.token_count));
  shard.read(0, ids);
  uint64_t lines = 0;
  for (const uint32_t length : shard.line_lengths) lines += length;
  if (lines != ids.size() || shard.starts.back() != ids.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint64_t> aligned(size / 8 + 1);
  if (size > 0) std::memcpy(aligned.data(), data, size);
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(aligned)).first(size);
  for (const bool mended : {false, true}) {
    if (mended) mend(bytes);
    try {
      const roberta::ShardView shard = roberta::parse_shard(bytes, "fuzz");
      roberta::verify_tokens(shard, 1 << 16, "fuzz");
      read_all(shard);
    } catch (const roberta::Error&) {
    }
  }
  return 0;
}
