// One image a process: a second copy of this library would open files a second time, and LMDB loses
// data then without a word. Every image exports a marker under one name; a marker that lies in
// another object than this code is another image's.
#include <dlfcn.h>

#include "core/base/build_id.h"
#include "core/lmdb/environment.h"
#include "core/lmdb/platform_linux.h"

extern "C" OOCMAP_API const char oocmap_image_marker;
const char oocmap_image_marker = 1;

namespace oocmap {
namespace {

Dl_info object_of(const void* address) {
  Dl_info info = {};
  dladdr(address, &info);
  return info;
}

// This code's own object. Not the marker's: the loader may bind our use of that to another image.
Dl_info own_object() { return object_of(reinterpret_cast<const void*>(&own_object)); }

std::optional<std::string> image_in(const std::string& object, const void* own_base) {
  void* handle = dlopen(object.empty() ? nullptr : object.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return std::nullopt;  // e.g. the vdso, which has no file
  // Searches the object's dependencies too, so the marker found may be ours all the same.
  const void* marker = dlsym(handle, "oocmap_image_marker");
  dlclose(handle);
  if (marker == nullptr) return std::nullopt;
  const Dl_info info = object_of(marker);
  if (info.dli_fbase == own_base || info.dli_fname == nullptr) return std::nullopt;
  return info.dli_fname;
}

}  // namespace

const std::string& image_path() {
  static const std::string path = own_object().dli_fname;
  return path;
}

std::optional<std::string> other_image_path() {
  const void* own_base = own_object().dli_fbase;
  for (const std::string& object : platform::loaded_objects()) {
    if (auto path = image_in(object, own_base)) return path;
  }
  return std::nullopt;
}

const char* image_build_id() { return kBuildId; }

}  // namespace oocmap
