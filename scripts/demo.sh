#!/usr/bin/env bash
# Make some text, count its words with bin/millrace, show the most frequent ones.
#   scripts/demo.sh [FOLDER]
# FOLDER keeps text and counts; without it they go to a temporary folder which is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
	work=$1
	mkdir -p "$work"
else
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi

# Text of about 32 MB in four files: word ranks by Zipf's law, so a few words are frequent and many are rare.
# The seed is fixed: each run makes the same text.
make_text() {
	mkdir -p "$work/text"
	awk -v folder="$work/text" '
		function word(rank,   w) {
			if (rank <= known) return common[rank]
			for (w = ""; rank > 0; rank = int(rank / 60)) w = w syllable[rank % 60]
			return w
		}
		BEGIN {
			srand(2026)
			known = split("the of and to in a is that it was for on are as with his they at be this from have or by one " \
				"had not but what all were when we there can an your which their said if do will each how", common, " ")
			for (i = 0; i < 60; i++) syllable[i] = substr("bdfgklmnprst", int(i / 5) + 1, 1) substr("aeiou", i % 5 + 1, 1)
			spread = log(30000)
			for (file = 0; file < 4; file++) {
				name = folder "/part-" file ".txt"
				for (line = 0; line < 140000; line++) {
					text = word(int(exp(rand() * spread)))
					for (i = 1; i < 12; i++) text = text " " word(int(exp(rand() * spread)))
					print text > name
				}
				close(name)
			}
		}' </dev/null
}

# The counts are files of word,count lines, which may begin with the columns' names.
top_words() {
	printf '\n  %-12s %12s\n' word count
	cat "$work"/counts/[!_.]* | awk -F, '$2 + 0 > 0' | sort -t, -k2,2nr -k1,1 | awk -F, 'NR <= 15 { printf "  %-12s %12d\n", $1, $2 }'
}

rm -rf "$work/text" "$work/counts"
make_text
echo "made $(du -sh "$work/text" | cut -f1) of text in $work/text"

time bin/millrace submit wordcount --in "$work/text/*.txt" --out "$work/counts"
top_words
