package codec_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

type tree struct {
	Value    int64
	Children []tree
}

type chain struct {
	Next *chain
}

type named struct {
	ID        int64
	UserID    string
	HTTPPort  uint16
	Q1Key     string
	Was_Snake bool
	Given     int8 `col:"other name"`
}

func TestSchemaOf(t *testing.T) {
	for _, c := range []struct {
		of   any
		want string
	}{
		{named{}, "id: int64\nuser_id: string\nhttp_port: uint16\nq1_key: string\nwas_snake: bool\nother name: int8\n"},
		{int64(0), "value: int64\n"},
		{new(string), "value: string?\n"},
		{time.Time{}, "value: timestamp\n"},
		{netip.Addr{}, "value: binary\n"},
		{everything{}, `id: int64
flag: bool
small: int8
ratio: float32
name: string
raw: binary
digest: fixedbinary(5)
at: timestamp
the_day: date
took: duration
price: decimal(15,2)
cents: decimal(15,2)
maybe: int64?
note: string?
tags: list<string>
pair: list<float64>
weights: map<string, float64>
in: struct<label: string, codes: list<int32>>
opt: struct<label: string, codes: list<int32>>?
list: list<struct<label: string, codes: list<int32>>>
`},
	} {
		s, err := codec.SchemaOf(reflect.TypeOf(c.of))
		if err != nil {
			t.Errorf("%T: %v", c.of, err)
			continue
		}
		if diff := cmp.Diff(c.want, s.String()); diff != "" {
			t.Errorf("%T (-want +got):\n%s", c.of, diff)
		}
	}
}

func TestRefusedTypes(t *testing.T) {
	for _, c := range []struct {
		of   any
		want string
	}{
		{tree{}, "codec_test.tree.Children[]: the type codec_test.tree contains itself; columns have a fixed depth"},
		{chain{}, "codec_test.chain.Next: the type codec_test.chain contains itself; columns have a fixed depth"},
		{make(chan int), "chan int: the type chan int cannot be stored in a column"},
		{func() {}, "func(): the type func() cannot be stored in a column"},
		{struct{ X any }{}, ".X: the type interface {} cannot be stored in a column"},
		{struct{ X complex64 }{}, ".X: the type complex64 cannot be stored in a column"},
		{struct{ X []unsafe.Pointer }{}, ".X[]: the type unsafe.Pointer cannot be stored in a column"},
		{struct{ X uintptr }{}, ".X: the type uintptr cannot be stored in a column"},
		{struct{ X **int }{}, ".X: the type **int has two kinds of null; a column has one"},
		{struct{ X map[float64]int }{}, ".X: the type map[float64]int cannot be stored in a column: keys of maps are integers, bools, strings and arrays of bytes"},
		{struct{ X columnar.Row }{}, ".X: a columnar.Row within another type has no schema; use a struct"},
		{struct{ X columnar.DecimalValue }{}, ".X: a columnar.DecimalValue needs a tag like `col:\",decimal(15,2)\"`"},
		{struct{ x int }{}, ".x is not exported and would be lost between tasks; export it, or tag it `col:\"-\"`"},
		{struct {
			A int
			B int `col:"a"`
		}{}, ".B both are the column \"a\"; tag one of them"},
		{struct {
			X string `col:",date"`
		}{}, ".X: the tag's option date does not fit the type string"},
		{struct {
			X int64 `col:",decimal(19,2)"`
		}{}, ".X: decimal(19,2) has more digits than the 18 of an int64"},
		{struct {
			X int64 `col:",decimal(2)"`
		}{}, ".X: the tag's option \"decimal(2)\" is not decimal(precision,scale)"},
		{struct {
			X int64 `col:",decimal(2,3)"`
		}{}, ".X: decimal(2,3) has a precision outside 1 to 38, or a scale outside 0 to its precision"},
		{struct {
			X time.Time `col:",date,local"`
		}{}, ".X: the tag's options date and local exclude each other"},
		{struct {
			X int `col:",omitempty"`
		}{}, ".X: the tag's option \"omitempty\" is unknown"},
		{struct {
			X struct{ Y int } `col:",date"`
		}{}, ".X: the tag's option date does not fit the type struct { Y int }"},
	} {
		_, err := codec.SchemaOf(reflect.TypeOf(c.of))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: got %v, want %s", c.of, err, c.want)
		}
	}
}

func TestCheckKey(t *testing.T) {
	type fit struct {
		Name string
		At   time.Time
		IDs  [2]int32
		Hash [4]byte
		Sub  struct{ Flag bool }
		Took time.Duration
	}
	type user struct{ Name string }
	type scored struct {
		In struct{ Score float64 }
	}
	type ignoring struct {
		Name  string
		Cache int `col:"-"`
	}
	const keys = "; keys are integers, strings, bools, times, and structs or arrays of these"
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"int", codec.CheckKey[int](), ""},
		{"string", codec.CheckKey[string](), ""},
		{"named", codec.CheckKey[word](), ""},
		{"bool", codec.CheckKey[bool](), ""},
		{"time", codec.CheckKey[time.Time](), ""},
		{"array", codec.CheckKey[[3]string](), ""},
		{"struct", codec.CheckKey[fit](), ""},
		{"pointer", codec.CheckKey[*user](), "key type *codec_test.user is a pointer" + keys},
		{"interface", codec.CheckKey[any](), "key type interface {} is an interface" + keys},
		{"float", codec.CheckKey[float64](), "key type float64 is a float64" + keys},
		{"nested float", codec.CheckKey[scored](), "key type codec_test.scored: field In.Score is a float64" + keys},
		{"slice", codec.CheckKey[[]byte](), "key type []uint8 is a slice" + keys},
		{"decimal", codec.CheckKey[columnar.DecimalValue](), "key type columnar.DecimalValue is a decimal" + keys},
		{"address", codec.CheckKey[netip.Addr](), "key type netip.Addr is a netip.Addr that encodes itself" + keys},
		{"hole", codec.CheckKey[ignoring](), "key type codec_test.ignoring: field Cache is left out by its tag, so that unequal keys would be equal" + keys},
		{"unexported", codec.CheckKey[struct{ x int }](), "key type struct { x int }.x is not exported and would be lost between tasks; export it, or tag it `col:\"-\"`"},
	} {
		got := ""
		if c.err != nil {
			got = c.err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
