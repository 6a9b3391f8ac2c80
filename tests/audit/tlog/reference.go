// What Go's own packages say of a log in a folder: its checkpoints, its proofs, its tiles.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type claim struct {
	Kind             string
	Old, New         int64
	OldRoot, NewRoot []byte
	Proof            [][]byte
}

type asked struct {
	Vkey   string
	Notes  [][]byte
	Claims []claim
	Size   int64
	Root   []byte
}

type answers struct {
	Opened, Held, Made []bool
}

// A folder's tiles, which others than ours keep below their height.
type folder string

func (f folder) Height() int                       { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func hash(data []byte) (found tlog.Hash) {
	copy(found[:], data)
	return found
}

func hashes(proof [][]byte) (found []tlog.Hash) {
	for _, each := range proof {
		found = append(found, hash(each))
	}
	return found
}

// Whether a claim's proof is good.
func holds(c claim) bool {
	if c.Kind == "inclusion" {
		return tlog.CheckRecord(hashes(c.Proof), c.New, hash(c.NewRoot), c.Old, hash(c.OldRoot)) == nil
	}
	return tlog.CheckTree(hashes(c.Proof), c.New, hash(c.NewRoot), c.Old, hash(c.OldRoot)) == nil
}

// Whether the proof that Go makes of our tiles is that of the claim.
func made(c claim, reader tlog.HashReader) bool {
	var proof []tlog.Hash
	var err error
	if c.Kind == "inclusion" {
		proof, err = tlog.ProveRecord(c.New, c.Old, reader)
	} else {
		proof, err = tlog.ProveTree(c.New, c.Old, reader)
	}
	same := err == nil && len(proof) == len(c.Proof)
	for at := 0; same && at < len(proof); at++ {
		same = bytes.Equal(proof[at][:], c.Proof[at])
	}
	return same
}

func main() {
	var question asked
	var found answers
	data, err := os.ReadFile(filepath.Join(os.Args[1], "asked.json"))
	if err == nil {
		err = json.Unmarshal(data, &question)
	}
	verifier, failed := note.NewVerifier(question.Vkey)
	if err != nil || failed != nil {
		fmt.Fprintln(os.Stderr, err, failed)
		os.Exit(1)
	}
	for _, each := range question.Notes {
		_, err := note.Open(each, note.VerifierList(verifier))
		found.Opened = append(found.Opened, err == nil)
	}
	tree := tlog.Tree{N: question.Size, Hash: hash(question.Root)}
	reader := tlog.TileHashReader(tree, folder(os.Args[1]))
	for _, each := range question.Claims {
		found.Held = append(found.Held, holds(each))
		found.Made = append(found.Made, made(each, reader))
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
