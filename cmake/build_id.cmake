# One number for the sources of all three processes: VERSION and the hash of FILES (a list) as a C string.
set(all "")
foreach(file ${FILES})
    file(SHA256 ${file} hash)
    string(APPEND all "${hash}\n")
endforeach()
string(SHA256 all "${all}")
string(SUBSTRING "${all}" 0 16 all)
file(WRITE ${OUT} "#include \"daemon/build.h\"\n\nconst char build_id[] = \"${VERSION}+${all}\";\n")
