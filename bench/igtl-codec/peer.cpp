// The reference library's TRANSFORM and IMAGE, written and read over and over: `peer transform|image|bytes SECONDS`.
// Every object and buffer is used again; each round delivers type, device name, time and content, CRC checked.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include <igtlImageMessage.h>
#include <igtlMessageHeader.h>
#include <igtlTransformMessage.h>

namespace {

double sink = 0;

/// Processor time of this process.
double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void fill(igtl::Matrix4x4& m, int round) {
  static const float rotation[3][3] = {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}};
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 3; ++c) m[r][c] = rotation[r][c];
  m[0][3] = 10.5f + static_cast<float>(round & 255);
  m[1][3] = -20.25f;
  m[2][3] = 30.125f;
  m[3][0] = m[3][1] = m[3][2] = 0;
  m[3][3] = 1;
}

/// Reads a whole message from `bytes` into `into`, as a client that receives header and body does.
template <typename Message>
bool read(igtl::MessageHeader::Pointer& header, Message& into, const unsigned char* bytes) {
  header->InitPack();
  std::memcpy(header->GetPackPointer(), bytes, header->GetPackSize());
  header->Unpack();
  into->SetMessageHeader(header);
  into->AllocatePack();
  std::memcpy(into->GetPackBodyPointer(), bytes + header->GetPackSize(), into->GetPackBodySize());
  if (!(into->Unpack(1) & igtl::MessageHeader::UNPACK_BODY)) return false;
  unsigned int seconds = 0, fraction = 0;
  header->GetTimeStamp(&seconds, &fraction);
  sink += seconds + header->GetDeviceName()[0] + header->GetDeviceType()[0];
  return true;
}

struct Transform {
  igtl::TransformMessage::Pointer out = igtl::TransformMessage::New(), in = igtl::TransformMessage::New();
  igtl::MessageHeader::Pointer header = igtl::MessageHeader::New();
  igtl::Matrix4x4 matrix, back;

  Transform() { out->SetDeviceName("ProbeToTracker"); }

  void pack(int round) {
    fill(matrix, round);
    out->SetMatrix(matrix);
    out->SetTimeStamp(1700000000u + static_cast<unsigned>(round), 0x80000000u);
    out->Pack();
  }

  bool run(int round) {
    pack(round);
    if (!read(header, in, static_cast<const unsigned char*>(out->GetPackPointer()))) return false;
    in->GetMatrix(back);
    sink += back[0][3];
    return back[0][3] == matrix[0][3];
  }
};

struct Image {
  static constexpr int kWidth = 640, kHeight = 480;
  igtl::ImageMessage::Pointer out = igtl::ImageMessage::New(), in = igtl::ImageMessage::New();
  igtl::MessageHeader::Pointer header = igtl::MessageHeader::New();
  std::string pixels = std::string(kWidth * kHeight, '\0');

  Image() {
    out->SetDeviceName("Ultrasound");
    out->SetDimensions(kWidth, kHeight, 1);
    out->SetScalarTypeToUint8();
    out->AllocateScalars();
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<char>(i * 7);
  }

  bool run(int round) {
    pixels[0] = static_cast<char>(round);
    std::memcpy(out->GetScalarPointer(), pixels.data(), pixels.size());
    out->SetTimeStamp(1700000000u + static_cast<unsigned>(round), 0);
    out->Pack();
    if (!read(header, in, static_cast<const unsigned char*>(out->GetPackPointer()))) return false;
    const char* back = static_cast<const char*>(in->GetScalarPointer());
    sink += back[1];
    return back[0] == pixels[0] && back[pixels.size() - 1] == pixels.back();
  }
};

template <typename Work>
int measure(Work& work, double seconds, int batch) {
  int round = 0;
  for (; round < batch; ++round)
    if (!work.run(round)) return 1;
  const double from = now();
  double took = 0;
  long count = 0;
  while (took < seconds) {
    for (int i = 0; i < batch; ++i, ++count)
      if (!work.run(++round & 0xffff)) return 1;
    took = now() - from;
  }
  std::printf("%.17g\n", static_cast<double>(count) / took);
  return sink == 0.5 ? 2 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1;
  Transform transform;
  if (what == "transform") return measure(transform, seconds, 10000);
  if (what == "image") {
    Image image;
    return measure(image, seconds, 20);
  }
  if (what == "bytes") {
    transform.pack(3);
    const auto* bytes = static_cast<const unsigned char*>(transform.out->GetPackPointer());
    for (int i = 0; i < transform.out->GetPackSize(); ++i) std::printf("%02x", bytes[i]);
    std::printf("\n");
    return 0;
  }
  return 64;
}
