// Writes the SDK for C#: `sdk dotnet SCHEMA FOLDER`.
// Newer versions of the generator can't be fetched as Go modules; this one came with the host for YAML.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/dotnet"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// A schema that refers to no other package needs none.
type noPackages struct{ schema.ReferenceLoader }

func main() {
	text, err := os.ReadFile(os.Args[2])
	check(err)
	var spec schema.PackageSpec
	check(json.Unmarshal(text, &spec))
	// The generator fetches a picture, by default from GitHub.
	pictures := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer pictures.Close()
	spec.LogoURL = pictures.URL
	pkg, problems, err := schema.BindSpec(spec, noPackages{}, schema.ValidationOptions{})
	check(err)
	if problems.HasErrors() {
		log.Fatal(problems)
	}
	files, err := dotnet.GeneratePackage("pulumi", pkg, nil, nil)
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
