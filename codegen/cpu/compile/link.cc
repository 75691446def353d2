// Two steps: place every section that is loaded, then patch the 32-bit distances between them.
#include "codegen/cpu/compile/link.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace llvm::object;

namespace weir::codegen {

char LinkError::ID = 0;

void LinkError::log(raw_ostream &os) const {
  if (!kernel.empty()) os << "kernel '" << kernel << "' ";
  os << message;
}

// Placement of one object's sections, by section index.
using Placement = DenseMap<uint64_t, uint64_t>;

/// The kernel whose code contains `offset` of `section`.
static std::string kernelAt(const ELFObjectFileBase &object, const SectionRef &section,
                            uint64_t offset) {
  std::string name;
  uint64_t best = 0;
  for (const ELFSymbolRef &symbol : object.symbols()) {
    if (symbol.getELFType() != ELF::STT_FUNC) continue;
    auto home = symbol.getSection();
    auto value = symbol.getValue();
    auto symbolName = symbol.getName();
    if (!home || *home != section || !value || !symbolName || *value > offset || *value < best) {
      consumeError(home.takeError()), consumeError(value.takeError());
      consumeError(symbolName.takeError());
      continue;
    }
    best = *value;
    name = StringRef(*symbolName).substr(0, symbolName->find(".body")).str();
  }
  return name;
}

static Error placeSections(const ELFObjectFileBase &object, Image &image, Placement &placement) {
  for (ELFSectionRef section : object.sections()) {
    Expected<StringRef> name = section.getName();
    if (!name) return name.takeError();
    if (!(section.getFlags() & ELF::SHF_ALLOC) || section.getSize() == 0 || *name == ".eh_frame")
      continue;
    if (section.getFlags() & ELF::SHF_WRITE)
      return make_error<LinkError>("", "a kernel has writable data in section " + name->str());
    Expected<StringRef> contents = section.getContents();
    if (!contents) return contents.takeError();
    uint64_t alignment = std::max<uint64_t>(section.getAlignment().value(), 64);
    uint64_t at = alignTo(image.bytes.size(), alignment);
    image.bytes.resize(at, 0xCC); // int3 between sections
    image.bytes.insert(image.bytes.end(), contents->begin(), contents->end());
    placement[section.getIndex()] = at;
  }
  return Error::success();
}

static Error relocate(const ELFObjectFileBase &object, const SectionRef &section, uint64_t base,
                      const RelocationRef &relocation, const Placement &placement, Image &image) {
  auto refuse = [&](const Twine &message) {
    return make_error<LinkError>(kernelAt(object, section, relocation.getOffset()), message.str());
  };
  auto symbol = relocation.getSymbol();
  if (symbol == object.symbol_end()) return refuse("has a relocation without a symbol");
  Expected<uint32_t> flags = symbol->getFlags();
  if (!flags) return flags.takeError();
  if (*flags & SymbolRef::SF_Undefined) {
    Expected<StringRef> name = symbol->getName();
    if (!name) return name.takeError();
    return refuse("needs '" + *name + "', which no image provides");
  }
  uint64_t type = relocation.getType();
  if (type != ELF::R_X86_64_PC32 && type != ELF::R_X86_64_PLT32) {
    SmallString<32> name;
    relocation.getTypeName(name);
    return refuse("has a relocation of type " + name + ", only PC32 and local PLT32 are linked");
  }
  Expected<section_iterator> home = symbol->getSection();
  if (!home) return home.takeError();
  Expected<uint64_t> value = symbol->getValue();
  if (!value) return value.takeError();
  Expected<int64_t> addend = ELFRelocationRef(relocation).getAddend();
  if (!addend) return addend.takeError();
  auto placed =
      *home == object.section_end() ? placement.end() : placement.find((*home)->getIndex());
  if (placed == placement.end()) return refuse("refers to a section that is not loaded");
  uint64_t from = base + relocation.getOffset();
  int64_t distance = int64_t(placed->second + *value) + *addend - int64_t(from);
  if (!isInt<32>(distance)) return refuse("is too far from its constants");
  support::endian::write32le(image.bytes.data() + from, uint32_t(distance));
  return Error::success();
}

static Error addObject(const ELFObjectFileBase &object, Image &image) {
  Placement placement;
  if (Error error = placeSections(object, image, placement)) return error;
  for (const SectionRef &relocations : object.sections()) {
    Expected<section_iterator> section = relocations.getRelocatedSection();
    if (!section) return section.takeError();
    if (*section == object.section_end()) continue;
    auto placed = placement.find((*section)->getIndex());
    if (placed == placement.end()) continue;
    for (const RelocationRef &relocation : relocations.relocations())
      if (Error error = relocate(object, **section, placed->second, relocation, placement, image))
        return error;
  }
  for (const ELFSymbolRef &symbol : object.symbols()) {
    if (symbol.getBinding() != ELF::STB_GLOBAL || symbol.getELFType() != ELF::STT_FUNC) continue;
    Expected<StringRef> name = symbol.getName();
    Expected<section_iterator> home = symbol.getSection();
    Expected<uint64_t> value = symbol.getValue();
    if (!name) return name.takeError();
    if (!home) return home.takeError();
    if (!value) return value.takeError();
    uint64_t offset = placement.lookup((*home)->getIndex()) + *value;
    if (!image.offsets.try_emplace(*name, offset).second)
      return make_error<LinkError>(name->str(), "is defined twice");
  }
  return Error::success();
}

Expected<Image> linkImage(ArrayRef<StringRef> objects) {
  Image image;
  for (StringRef bytes : objects) {
    Expected<std::unique_ptr<ObjectFile>> file =
        ObjectFile::createELFObjectFile(MemoryBufferRef(bytes, "kernels"));
    if (!file) return file.takeError();
    if (Error error = addObject(cast<ELFObjectFileBase>(**file), image)) return std::move(error);
  }
  return image;
}

} // namespace weir::codegen
