// A sending domain, and then that of a customer, whose DNS is not ours.
package main

import (
	"example.com/pulumi-byodkim/sdk/go/byodkim"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		sender, err := byodkim.NewDomain(ctx, "example.com", &byodkim.DomainArgs{
			Generation: pulumi.Int(1), // 2 rotates the key
			KeyStore:   pulumi.String("secretsManager"),
			Wait:       pulumi.Bool(true), // what depends on the domain is made after SES has verified it
		})
		if err != nil {
			return err
		}
		customer, err := byodkim.NewDomain(ctx, "shop.example", &byodkim.DomainArgs{
			Generation: pulumi.Int(1),
			Dns: byodkim.DnsSettingsArgs{
				Provider: pulumi.String("route53"),
				Zone:     pulumi.String("keys.example.net"),
				Cname:    pulumi.String("ses"),
			},
		}, pulumi.DependsOn([]pulumi.Resource{sender}))
		if err != nil {
			return err
		}
		ctx.Export("selector", sender.Selector)
		ctx.Export("statuses", sender.Statuses)
		ctx.Export("cnames", customer.Cnames) // the customer adds them once
		return nil
	})
}
