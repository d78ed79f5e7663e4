return await FeedMall.ServiceDefaults.ServiceRunner.RunAsync(FeedMall.Domain.Mall.MallApp.Build, args, Console.Error);
