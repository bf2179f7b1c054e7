// Writes the SDK that `pulumi package add` generates: `sdk LANGUAGE SCHEMA FOLDER`.
// The language hosts that do it can't be fetched as Go modules; their generators can.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// A schema that refers to no other package needs none.
type noPackages struct{ schema.ReferenceLoader }

func main() {
	text, err := os.ReadFile(os.Args[2])
	check(err)
	var spec schema.PackageSpec
	check(json.Unmarshal(text, &spec))
	pkg, problems, err := schema.BindSpec(spec, noPackages{}, schema.ValidationOptions{})
	check(err)
	if problems.HasErrors() {
		log.Fatal(problems)
	}
	var files map[string][]byte
	switch os.Args[1] {
	case "go":
		files, err = golang.GeneratePackage("pulumi", pkg, nil)
	case "nodejs":
		files, err = nodejs.GeneratePackage("pulumi", pkg, nil, nil, true, nil)
	case "python":
		files, err = python.GeneratePackage("pulumi", pkg, nil, nil)
	default:
		log.Fatalf("no generator for %s", os.Args[1])
	}
	check(err)
	for name, content := range files {
		path := filepath.Join(os.Args[3], name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, content, 0o644))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
