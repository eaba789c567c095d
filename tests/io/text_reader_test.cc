#include "io/text_reader.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>
#include <random>

#include "roberta/error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  if (window_log != 0) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    // Without the size in its header the frame asks for the whole window.
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_inBuffer input{text.data(), text.size(), 0};
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  // Streaming without a pledged size keeps the requested window.
  ZSTD_compressStream2(context, &output, &input, window_log != 0 ? ZSTD_e_flush : ZSTD_e_end);
  EXPECT_EQ(ZSTD_compressStream2(context, &output, &input, ZSTD_e_end), 0u);
  out.resize(output.pos);
  ZSTD_freeCCtx(context);
  return out;
}

/// Lines of many lengths, some empty, some with CRLF.
std::string sample(size_t bytes) {
  std::mt19937 random(3);
  std::string text;
  while (text.size() < bytes) {
    const size_t length = random() % 4 == 0 ? 0 : random() % 200;
    for (size_t i = 0; i < length; ++i) text += static_cast<char>("abcdefgh \r"[random() % 10]);
    text += '\n';
  }
  return text;
}

class TextReaderTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, std::string_view content) const {
    return directory_.write(name, content);
  }
  static std::string chunks(const fs::path& path, size_t piece = 1000) {
    TextReader reader(path, piece);
    std::string all;
    TextChunk chunk;
    while (reader.next_chunk(chunk)) {
      EXPECT_EQ(chunk.offset, static_cast<int64_t>(all.size()));
      EXPECT_EQ(chunk.starts_line, all.empty() || all.back() == '\n');
      EXPECT_LE(chunk.text.size(), 17 * piece);
      all += chunk.text;
    }
    EXPECT_FALSE(reader.next_chunk(chunk));
    return all;
  }
  static std::vector<std::string> lines(const fs::path& path, size_t piece = 1000) {
    TextReader reader(path, piece);
    std::vector<std::string> all;
    std::string_view line;
    while (reader.next_line(line)) {
      all.emplace_back(line);
      EXPECT_EQ(reader.line_number(), static_cast<int64_t>(all.size()));
    }
    return all;
  }
  /// The message of the error that reading to the end gives.
  static std::string error(const fs::path& path) {
    try {
      chunks(path);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInput);
      return e.what();
    }
    ADD_FAILURE() << "no error: " << path;
    return "";
  }

  TempDirectory directory_;
};

TEST_F(TextReaderTest, AllFormatsGiveTheSameBytes) {
  const std::string text = sample(300'000);
  EXPECT_EQ(chunks(write("a.txt", text)), text);
  EXPECT_EQ(chunks(write("a.txt.gz", gzip(text))), text);
  EXPECT_EQ(chunks(write("a.txt.zst", zstd(text))), text);
  EXPECT_EQ(chunks(write("no-extension", zstd(text))), text) << "the bytes show the format";
  EXPECT_EQ(chunks(write("a.txt", text), 1 << 20), text);
  EXPECT_EQ(chunks(write("b.gz", gzip(text)), 20), text) << "pieces shorter than lines";
}

TEST_F(TextReaderTest, Lines) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines(write("a", "")), Lines{});
  EXPECT_EQ(lines(write("a", "\n")), Lines{""});
  EXPECT_EQ(lines(write("a", "x")), Lines{"x"});
  EXPECT_EQ(lines(write("a", "x\n\ny\r\n\nz")), (Lines{"x", "", "y\r", "", "z"}));
  EXPECT_EQ(lines(write("a", "x\n\ny\n"), 1), (Lines{"x", "", "y"}));
  const std::string text = sample(100'000);
  std::string joined;
  for (const std::string& line : lines(write("a.zst", zstd(text)))) joined += line + "\n";
  EXPECT_EQ(joined, text);
}

TEST_F(TextReaderTest, LineOffsets) {
  TextReader reader(write("a", "ab\n\ncd\n"), 3);
  std::string_view line;
  std::vector<int64_t> offsets;
  while (reader.next_line(line)) offsets.push_back(reader.line_offset());
  EXPECT_EQ(offsets, (std::vector<int64_t>{0, 3, 4}));
}

TEST_F(TextReaderTest, EmptyFiles) {
  EXPECT_EQ(chunks(write("a.txt", "")), "");
  EXPECT_EQ(chunks(write("a.gz", gzip(""))), "");
  EXPECT_EQ(chunks(write("a.zst", zstd(""))), "");
}

TEST_F(TextReaderTest, SeveralMembersAndPadding) {
  EXPECT_EQ(chunks(write("a.gz", gzip("one\n") + gzip("") + gzip("two\n"))), "one\ntwo\n");
  EXPECT_EQ(chunks(write("b.gz", gzip("one\n") + std::string(1000, '\0'))), "one\n");
  EXPECT_EQ(chunks(write("a.zst", zstd("one\n") + zstd("") + zstd("two\n"))), "one\ntwo\n");
  const std::string skippable("\x53\x2a\x4d\x18\x03\0\0\0abc", 11);
  EXPECT_EQ(chunks(write("b.zst", skippable + zstd("one\n") + skippable)), "one\n");
}

TEST_F(TextReaderTest, LongZstdWindows) {
  const std::string text = sample(100'000);
  for (const int window_log : {27, 28, 31}) {
    const std::string stored = zstd(text, window_log);
    // The frame really has that window: a decoder with its default limit of 27 must reject the larger ones.
    ZSTD_DCtx* const context = ZSTD_createDCtx();
    std::string out(text.size(), '\0');
    ZSTD_inBuffer input{stored.data(), stored.size(), 0};
    ZSTD_outBuffer output{out.data(), 1, 0};
    EXPECT_EQ(ZSTD_isError(ZSTD_decompressStream(context, &output, &input)) != 0, window_log > 27)
        << window_log;
    ZSTD_freeDCtx(context);
    EXPECT_EQ(chunks(write("a.zst", stored)), text) << window_log;
  }
}

TEST_F(TextReaderTest, TruncatedAndDamagedFilesAreErrors) {
  const std::string text = sample(50'000);
  for (const auto& [name, whole] : {std::pair{"a.gz", gzip(text)}, std::pair{"a.zst", zstd(text)}}) {
    for (const size_t cut : {size_t{5}, whole.size() / 2, whole.size() - 4, whole.size() - 1}) {
      const std::string message = error(write(name, whole.substr(0, cut)));
      EXPECT_NE(message.find(name), std::string::npos) << message;
      EXPECT_NE(message.find("truncated"), std::string::npos) << message;
      EXPECT_NE(message.find("byte " + std::to_string(cut)), std::string::npos) << message;
    }
    std::string damaged = whole;
    damaged[damaged.size() / 2] ^= 0x55;
    EXPECT_NE(error(write(name, damaged)).find("damaged"), std::string::npos);
    damaged = whole;
    damaged[damaged.size() - (name == std::string("a.gz") ? 6 : 2)] ^= 1;  // the check sum
    EXPECT_NE(error(write(name, damaged)).find("damaged"), std::string::npos);
    EXPECT_NE(error(write(name, whole + "rubbish at the end")).find("damaged"), std::string::npos);
    EXPECT_NE(error(write(name, "plain text")).find("byte 0"), std::string::npos);
    EXPECT_NE(error(write(name, "")).find("byte 0"), std::string::npos);
  }
}

TEST_F(TextReaderTest, FilesThatCannotBeRead) {
  EXPECT_NE(error(directory_ / "missing").find("missing: cannot open"), std::string::npos);
  EXPECT_NE(error(directory_.path()).find("is a directory"), std::string::npos);
  EXPECT_NE(error(write("f", "x") / "under-a-file").find("cannot open"), std::string::npos);
  if (geteuid() != 0) {
    const fs::path secret = write("secret", "x");
    fs::permissions(secret, fs::perms::none);
    EXPECT_NE(error(secret).find("cannot open"), std::string::npos);
  }
}

TEST_F(TextReaderTest, LongLinesAreCutBetweenWords) {
  std::string text;
  while (text.size() < 100'000) text += "words and  more\xE3\x80\x80 words ";
  text += "\nshort\n";
  TextReader reader(write("a", text), 1000);
  TextChunk chunk;
  std::string all;
  while (reader.next_chunk(chunk)) {
    if (!chunk.starts_line) {
      EXPECT_EQ(chunk.text.front(), ' ');
      EXPECT_TRUE(std::isalpha(all.back()));
    }
    EXPECT_EQ(chunk.offset, static_cast<int64_t>(all.size()));
    all += chunk.text;
  }
  EXPECT_EQ(all, text);
  EXPECT_THROW(lines(directory_ / "a"), Error) << "as one line it is too long";
  EXPECT_NE(error(write("b", "x\n" + std::string(50'000, 'y'))).find("line 2 (byte 2)"), std::string::npos);
}

TEST_F(TextReaderTest, StandardInput) {
  const std::string text = sample(200'000);
  const fs::path stored = write("in.zst", zstd(text));
  const int before = dup(STDIN_FILENO);
  ASSERT_NE(std::freopen(stored.c_str(), "rb", stdin), nullptr);
  EXPECT_EQ(chunks("-"), text);
  // A pipe that hands out its text in small pieces.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t writer = fork();
  if (writer == 0) {
    close(ends[0]);
    for (size_t at = 0; at < text.size(); at += 777) {
      const std::string piece = text.substr(at, 777);
      if (::write(ends[1], piece.data(), piece.size()) < 0) _exit(1);
    }
    _exit(0);
  }
  close(ends[1]);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  EXPECT_EQ(chunks("-"), text);
  waitpid(writer, nullptr, 0);
  dup2(before, STDIN_FILENO);
  close(before);
}

}  // namespace
}  // namespace roberta
