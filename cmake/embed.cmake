# Turns a text file into a C string constant: extern const char varlink_control_description[].
file(READ ${IN} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n\"" text "${text}")
file(WRITE ${OUT} "extern const char varlink_control_description[];\nconst char varlink_control_description[] = \"${text}\";\n")
