return await FeedMall.ServiceDefaults.ServiceRunner.RunAsync(FeedMall.Domain.Feed.FeedApp.Build, args, Console.Error);
